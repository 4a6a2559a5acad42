import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { until } from '../rig/eventually.ts';
import { test } from '../rig/in-sandbox.ts';

/** When the program ends it notes how many bytes it has read in all. */
const NOTES_READS = `
import { appendFileSync, readFileSync } from 'node:fs';
process.on('exit', () => {
  const [, bytes] = /rchar: (\\d+)/.exec(readFileSync('/proc/self/io', 'utf8'));
  appendFileSync(process.env.LOG + '.reads', bytes + '\\n');
});
`;
const FILES = 8;
/** More than all that the program reads of itself. */
const FILE_BYTES = 8 * 1024 * 1024;

test('a finished workflow is read once more, and then no more until a file changes', async ({
  box,
  onTestFinished,
}) => {
  const before = process.env['NODE_OPTIONS'];
  process.env['NODE_OPTIONS'] = `--import=${box.write('notes-reads.mjs', NOTES_READS)}`;
  onTestFinished(() => {
    if (before === undefined) delete process.env['NODE_OPTIONS'];
    else process.env['NODE_OPTIONS'] = before;
  });
  const reads = (): number => Number(readFileSync(box.path('log.reads'), 'utf8').trimEnd().split('\n').at(-1));
  const file = box.workflow({
    tasks: [
      {
        name: 'make',
        foreach: { range: { count: FILES } },
        run: `head -c ${FILE_BYTES} /dev/urandom > \${{ outputs.o }}`,
        outputs: [{ name: 'o', path: 'out/${{ key }}' }],
      },
    ],
  });
  await box.expectExit(0, 'run', file);
  const made = box.read('out/3');
  // Files must be some seconds old before what was seen of them may be believed.
  await until('their digests are remembered', async () => {
    await box.expectExit(0, 'run', file);
    return reads() < FILE_BYTES;
  });
  box.write('out/3', 'another');
  await box.expectExit(0, 'run', file);
  expect(box.read('out/3')).not.toBe('another');
  expect(box.read('out/3')).not.toBe(made);
});
