import { CHAINS, ORIGINAL, parentsOf, type Work } from '../work.ts';

export const WORKFLOW = 'bench';

interface Naming {
  readonly name?: string;
  /** What paths are relative to, when it is not the folder of the file. */
  readonly workdir?: string;
}

/** The work as a Workflow: a fan-out where the tasks are alike, with one beside it that may be edited; else one entry for each task. */
export function documentOf(work: Work, { name = WORKFLOW, workdir }: Naming = {}): string {
  // What stands by itself is edited there, and nobody else is told of it.
  const edit = standsApart(work) ? undefined : work.edit;
  const spec = {
    ...(workdir === undefined ? {} : { workdir }),
    params: { edited: edit?.task ?? -1, word: edit?.word ?? ORIGINAL },
    tasks: tasksOf(work),
  };
  return JSON.stringify({ apiVersion: 'fixpoint.dev/v1alpha1', kind: 'Workflow', metadata: { name }, spec });
}

function tasksOf(work: Work): object[] {
  if (work.shape === 'fan') return fan(work);
  return work.shape === 'chains' ? chains(work) : entries(work);
}

function standsApart({ shape, tasks, edit }: Work): boolean {
  return shape !== 'fan' || edit?.task === tasks - 1;
}

function fan(work: Work): object[] {
  const { tasks, body, edit } = work;
  if (body.output === undefined) return [fanOut(work, tasks)];
  const last = tasks - 1;
  const word = edit?.task === last ? edit.word : ORIGINAL;
  return [fanOut(work, last), { name: 'last', ...bodyOf(work, String(last), word) }];
}

function fanOut(work: Work, count: number): object {
  const word = `\${{ item == params.edited ? params.word : '${ORIGINAL}' }}`;
  return { name: 't', foreach: { range: { count } }, ...bodyOf(work, '${{ item }}', word) };
}

function bodyOf({ body }: Work, id: string, word: string): object {
  return {
    ...(body.script === undefined ? { command: body.argv(id, word) } : { run: body.script }),
    ...(body.output === undefined ? {} : { outputs: [{ name: 'o', path: body.output(id) }] }),
  };
}

/** A loop for each link: more tasks than a document may have entries. */
function chains(work: Work): object[] {
  return Array.from({ length: work.tasks / CHAINS }, (_, link) => ({
    name: `t${link}`,
    foreach: link === 0 ? { range: { count: CHAINS } } : { each: `t${link - 1}` },
    ...bodyOf(work, `${link}-\${{ key }}`, ORIGINAL),
  }));
}

function entries(work: Work): object[] {
  return parentsOf(work).map((parents, task) => ({
    name: `t${task}`,
    dependsOn: parents.map((parent) => `t${parent}`),
    ...bodyOf(work, String(task), work.edit?.task === task ? work.edit.word : ORIGINAL),
  }));
}
