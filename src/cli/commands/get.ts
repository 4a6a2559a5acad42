import type { CommandContext } from '../command.ts';
import { usage } from '../exit-code.ts';
import { getTasks } from './get-tasks.ts';
import { getWorkflows } from './get-workflows.ts';

export async function run(context: CommandContext): Promise<number> {
  switch (context.words[0]?.toLowerCase()) {
    case 'workflows':
    case 'workflow':
    case 'fwf':
    case 'workflows.fixpoint.dev':
      return getWorkflows(context);
    case 'tasks':
    case 'task':
      return getTasks(context);
    default:
      throw usage(`get ${context.words[0] ?? ''}: there are workflows and tasks`);
  }
}
