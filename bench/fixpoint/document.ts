import { argvOf, ORIGINAL, parentsOf, type Work } from '../work.ts';

export const WORKFLOW = 'bench';

interface Naming {
  readonly name?: string;
  /** What paths are relative to, when it is not the folder of the file. */
  readonly workdir?: string;
}

/** The work as a Workflow: a fan-out where the tasks are alike, else one entry for each task. */
export function documentOf(work: Work, { name = WORKFLOW, workdir }: Naming = {}): string {
  const { edit } = work;
  const spec = {
    ...(workdir === undefined ? {} : { workdir }),
    params: { edited: edit?.task ?? -1, word: edit?.word ?? ORIGINAL },
    tasks: work.shape === 'fan' ? [fanOut(work)] : entries(work),
  };
  return JSON.stringify({ apiVersion: 'fixpoint.dev/v1alpha1', kind: 'Workflow', metadata: { name }, spec });
}

function fanOut(work: Work): object {
  const { body } = work;
  const id = '${{ item }}';
  const word = `\${{ item == params.edited ? params.word : '${ORIGINAL}' }}`;
  return {
    name: 't',
    foreach: { range: { count: work.tasks } },
    ...(body.script === undefined ? { command: body.argv(id, word) } : { run: body.script }),
    ...(body.output === undefined ? {} : { outputs: [{ name: 'o', path: body.output(id) }] }),
  };
}

function entries(work: Work): object[] {
  const { body } = work;
  return parentsOf(work).map((parents, task) => ({
    name: `t${task}`,
    dependsOn: parents.map((parent) => `t${parent}`),
    ...(body.script === undefined ? { command: argvOf(work, task) } : { run: body.script }),
    ...(body.output === undefined ? {} : { outputs: [{ name: 'o', path: body.output(String(task)) }] }),
  }));
}
