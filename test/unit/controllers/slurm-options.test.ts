import { expect, test } from 'vitest';
import { diagnosticLine } from '../../../src/apis/diagnostic-list.ts';
import { readWorkflows } from '../../../src/apis/read-workflows.ts';
import type { Launch } from '../../../src/backends/backend.ts';
import { workflow } from '../apis/documents.ts';
import { documentOf, HomeRig } from './home-rig.ts';

// The field `slurm`, from the document to the backend.

function problems(fields: string): string[] {
  return readWorkflows(workflow(`tasks:\n  - {name: a, run: x, slurm: ${fields}}`), 'a.yaml')
    .diagnostics.map(diagnosticLine)
    .map((line) => line.replace(/^\S+ /, '').replace('tasks[0]', 'T'));
}

test.each([
  ['{partition: gpu, exclusive: true, extraArgs: ["--nice=5"], extraOptions: "--nodes=2 --wckey=\'a b\'"}', []],
  ['{partition: "${{ params.p }}", extraArgs: ["--nodes=${{ params.p }}", "${{ params.p }}"]}', []],
  ['{queue: x}', [expect.stringMatching(/^E-UNKNOWN-FIELD T.slurm.queue/)]],
  ['{partition: ""}', [expect.stringMatching(/^E-EMPTY T.slurm.partition|^E-RANGE T.slurm.partition/)]],
  [
    '{extraArgs: ["--job-name=x"]}',
    ['E-OPTION T.slurm.extraArgs[0]: --job-name is not allowed: jobs are found again by it.'],
  ],
  [
    '{extraArgs: ["--mem=${{ params.p }}"]}',
    ['E-OPTION T.slurm.extraArgs[0]: --mem is set by resources.memory: write that.'],
  ],
  [
    '{extraArgs: ["--dep=afterok:1"]}',
    ['E-OPTION T.slurm.extraArgs[0]: --dep may be short for --dependency: write names whole.'],
  ],
  ['{extraOptions: "-p gpu"}', [expect.stringMatching(/^E-OPTION T.slurm.extraOptions/), expect.anything()]],
  ['{extraOptions: "--x=\'a"}', ['E-OPTION T.slurm.extraOptions: a quote is not closed.']],
])('%s', (fields, expected) => expect(problems(fields)).toEqual(expected));

test('defaults are held to the same', () => {
  const text = workflow('defaults: {slurm: {extraArgs: ["--array=1-9"]}}\ntasks:\n  - {name: a, run: x}');
  const found = readWorkflows(text, 'a.yaml').diagnostics.map(diagnosticLine);
  expect(found).toEqual([expect.stringContaining('E-OPTION defaults.slurm.extraArgs[0]: --array is not allowed')]);
});

test('its texts have the values of the attempt when it is launched', async () => {
  const rig = await new HomeRig().open();
  let launched: Launch | undefined;
  rig.world.behaviourOf = (launch) => {
    launched = launch;
    return {};
  };
  await rig.apply(
    documentOf([
      {
        name: 'a',
        resources: { cpu: 3 },
        slurm: {
          partition: "${{ resources.cpu > 2 ? 'big' : 'small' }}",
          exclusive: true,
          extraArgs: ['--nodes=${{ resources.cpu }}', '--nice'],
        },
      },
    ]),
  );
  await rig.untilPhase('Succeeded');
  expect(launched?.slurm).toEqual({ partition: 'big', exclusive: true, extraArgs: ['--nodes=3', '--nice'] });
});
