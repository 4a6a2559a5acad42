import type { Explanation, Plan, PlanAction } from '../../apis/task-view.ts';
import { renderBecause } from './because.ts';
import type { Paint } from './color.ts';
import { oneLine } from './terminal-text.ts';

const SIGNS: Readonly<Record<PlanAction, string>> = {
  Create: '+',
  Keep: ' ',
  Update: '~',
  Reevaluate: '?',
  Reset: '!',
  CancelAndReset: '!',
  Adopt: '>',
  Prune: '-',
};

/** Whether carrying the plan out would do anything at all. */
export function hasChanges(plan: Plan): boolean {
  return plan.tasks.some((task) => task.action !== 'Keep');
}

/** Kept tasks are counted and not listed: nobody asks about them. Shown one per line, causes beneath. */
export function renderPlan(plan: Plan, colors: Paint): string {
  const lines: string[] = [];
  for (const task of plan.tasks) {
    if (task.action === 'Keep') continue;
    const head = `${SIGNS[task.action]} ${oneLine(task.name)}  ${task.action}  ${oneLine(task.reason)}`;
    lines.push(paintAction(colors, task.action, head));
    for (const because of task.because) lines.push(colors.dim(`    ${renderBecause(because)}`));
  }
  const summary = Object.entries(plan.summary)
    .filter(([, count]) => count > 0)
    .map(([action, count]) => `${count} ${action}`)
    .join(', ');
  const conclusion = hasChanges(plan) ? `Plan: ${summary}.` : `Nothing to do${summary === '' ? '' : ` (${summary})`}.`;
  return `${[...lines, conclusion].join('\n')}\n`;
}

function paintAction(colors: Paint, action: PlanAction, text: string): string {
  if (action === 'Create' || action === 'Adopt') return colors.green(text);
  if (action === 'Prune' || action === 'Reset' || action === 'CancelAndReset') return colors.red(text);
  return action === 'Update' || action === 'Reevaluate' ? colors.yellow(text) : text;
}

export function renderExplanation(task: Explanation, colors: Paint): string {
  const lines = [`${colors.bold(oneLine(task.name))}  ${task.phase}  ${task.action} (${oneLine(task.reason)})`];
  lines.push(`  ${oneLine(task.rule)}`);
  if (task.message !== '') lines.push(`  ${oneLine(task.message)}`);
  for (const because of task.because) lines.push(`  because ${renderBecause(because)}`);
  for (const attempt of task.history) {
    lines.push(`  attempt ${attempt.attempt}: ${attempt.phase} (${oneLine(attempt.reason)})`);
    for (const because of attempt.startedBecause)
      lines.push(colors.dim(`    started because ${renderBecause(because)}`));
  }
  return `${lines.join('\n')}\n`;
}
