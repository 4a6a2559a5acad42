import { ESCAPED, watched } from './soak-oracle.ts';

// Tasks that behave badly, each with the end that the documentation gives it. Whatever they do, nothing of them may be left
// over, and their next attempt may not meet the one before.

/** Children that are told to sleep so long are to be ended by whoever supervises; no test waits for them. */
const FOR_EVER = 86_400;

export interface NastyTask {
  readonly spec: object;
  /** `PHASE REASON`; several where chance decides. */
  readonly ends: readonly string[];
  /** Attempts that it loses by itself: it takes away what they would be known by. */
  readonly loses?: number;
}

const SUCCEEDED = ['Succeeded Completed'];
const little = { cpu: '50m' };
const outputs = [{ name: 'o', path: 'nasty/${{ key }}.txt' }];
const brief = { ...little, walltime: '1s' };

/** By name. `megabytes`: how much is written to standard output. Each is a fan-out: `key` is there. */
export function nastyTasks(megabytes: number): ReadonlyMap<string, NastyTask> {
  const plain = (body: string, ends = SUCCEEDED, more: object = {}): NastyTask => ({
    spec: { resources: little, run: watched(body), ...more },
    ends,
  });
  return new Map<string, NastyTask>([
    ['forks', plain(`for i in 1 2 3; do (trap '' HUP INT; sleep ${FOR_EVER}) & done`)],
    ['daemonizes', plain(`setsid -f sleep ${FOR_EVER} 9>&- < /dev/null > /dev/null 2>&1`)],
    ['escapes', plain(`env -i setsid -f sleep ${ESCAPED} 9>&- < /dev/null > /dev/null 2>&1`)],
    ['holds-stdout', plain(`setsid sleep ${FOR_EVER} 9>&- &`)],
    ['crowd', plain(`for i in {1..100}; do sleep ${FOR_EVER} & done`)],
    ['fills-stdout', plain(`head -c ${megabytes}000000 /dev/zero; sleep 0.5`)],
    ['garbage', plain('head -c 1000000 /dev/urandom; head -c 1000 /dev/urandom >&2')],
    ['cleans-environment', plain('env -i sleep 1.5')],
    ['elsewhere', plain('here=$PWD; cd /; echo made > "$here/${{ outputs.o }}"', SUCCEEDED, { outputs })],
    ['closes-descriptors', plain('exec 0<&- 1>&- 2>&-; sleep 0.2')],
    ['kills-its-group', plain('sleep 0.2; kill -KILL 0', ['Failed Signal'])],
    ['ignores-term', plain(`trap '' TERM; sleep ${FOR_EVER} & wait`, ['Failed WallTime'], { resources: brief })],
    ['polite', plain(`trap 'exit 0' TERM; while :; do sleep 0.1; done`, ['Failed WallTime'], { resources: brief })],
    ['oversleeps', plain(`sleep ${FOR_EVER}`, ['Failed WallTime'], { resources: brief })],
    [
      'just-in-time',
      plain('sleep "0.9$((RANDOM % 10))"', ['Succeeded Completed', 'Failed WallTime'], { resources: brief }),
    ],
    [
      'writes-late',
      plain('(sleep 30; echo late > ${{ outputs.o }}) &', ['Failed MissingOutput'], {
        outputs: [{ name: 'o', path: 'nasty/late-${{ key }}.txt' }],
      }),
    ],
    ['many-outputs', manyOutputs(100)],
    [
      'folder-for-file',
      plain('mkdir ${{ outputs.o }}; echo made > ${{ outputs.o }}/inside', SUCCEEDED, {
        outputs: [{ name: 'o', path: 'nasty/folder-${{ key }}' }],
      }),
    ],
    [
      'deletes-its-folder',
      {
        ...plain('[ "$FIXPOINT_ATTEMPT" != 1 ] || { rm -rf "$FIXPOINT_ATTEMPT_DIR"; kill -KILL $$; }'),
        loses: 1,
      },
    ],
  ]);
}

function manyOutputs(count: number): NastyTask {
  const names = Array.from({ length: count }, (_, i) => `o${i}`);
  const files = names.map((name) => ({ name, path: `nasty/many-\${{ key }}/${name}.txt` }));
  const body = `for i in {0..${count - 1}}; do echo "$i" > "nasty/many-\${{ key }}/o$i.txt"; done`;
  return { spec: { resources: little, outputs: files, run: watched(body) }, ends: SUCCEEDED };
}
