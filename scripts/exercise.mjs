// Has the built program keep the code of a run that makes a fan-out anew after an edit: most of what any start compiles.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LAUNCH_FLAGS } from './launch-flags.mjs';

const CODE_CACHE = join(dirname(fileURLToPath(import.meta.url)), 'code-cache.cjs');
/** So many that loops are entered often, and code that is only there for many of something is not. */
const TASKS = 50;

const document = (word) => `apiVersion: fixpoint.dev/v1alpha1
kind: Workflow
metadata: { name: exercise }
spec:
  params: { word: ${word} }
  tasks:
    - name: make
      foreach: { range: { count: ${TASKS} } }
      run: |
        echo "\${{ item == 1 ? params.word : 'same' }}" > "\${{ outputs.made }}"
      outputs: [{ name: made, path: "made/\${{ item }}" }]
    - name: count
      dependsOn: [make]
      command: [ls, made]
`;

/** Gives what went wrong; undefined: the code is there. */
export function keepCode(main) {
  const dir = mkdtempSync(join(tmpdir(), 'fixpoint-exercise-'));
  const run = (word, program, ...args) => {
    writeFileSync(join(dir, 'exercise.yaml'), document(word));
    return spawnSync(program, [...args, 'run', 'exercise.yaml'], { cwd: dir, encoding: 'utf8' });
  };
  try {
    // V8 takes code that was kept under the same flags only.
    const ran = [run('one', main), run('two', process.execPath, ...LAUNCH_FLAGS, CODE_CACHE, main)];
    return ran.find(({ status }) => status !== 0)?.stderr;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
