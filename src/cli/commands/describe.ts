import { printYaml } from '../../apis/print-yaml.ts';
import type { CommandContext } from '../command.ts';
import { connect } from '../connect.ts';
import { CommandFailure, EXIT, orExit } from '../exit-code.ts';
import { describeTask, describeWorkflow } from '../render/describe.ts';

export async function run(context: CommandContext): Promise<number> {
  const ref = context.workflow();
  const key = context.words[1];
  const connection = await connect(context.io, context.where, 'read');
  try {
    const now = context.io.clock.now();
    const workflow = orExit(await connection.home.get(ref));
    if (key === undefined) {
      await context.io.stdout.write(describeWorkflow(workflow, now));
      return EXIT.done;
    }
    const tasks = orExit(await connection.home.tasks(ref, { name: key }));
    const task = tasks.find((item) => item.metadata.name === key);
    if (task === undefined) throw new CommandFailure(EXIT.notFound, `workflow ${ref.name} has no task ${key}`);
    await context.io.stdout.write(describeTask(task, printYaml(task.spec), now));
    return EXIT.done;
  } finally {
    await connection.close();
  }
}
