// Takes one barrier away at a time and asks whether a test notices: `npm run mutants [-- name…]`. With `--fit` it only
// says whether every edit still fits.
//
// Each mutant is a small edit in a copy of the project and the tests that must fail for it. A mutant that lives is a
// hole in the tests; an edit that no longer fits is an error, so that this list stays true.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');
const COPIED = [
  'src',
  'test',
  'crds',
  'docs',
  'examples',
  'scripts',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
];

const SIMULATION = ['--project', 'simulation', 'test/simulation/simulation.test.ts'];
const ENUMERATION = ['--project', 'simulation', 'test/simulation/enumeration.test.ts', '-t', 'of [12] tasks'];
const PLANNING = ['--project', 'unit', 'test/unit/planning'];
const TURNS = ['--project', 'unit', 'test/unit/controllers/turns.test.ts'];
const LANES = ['--project', 'unit', 'test/unit/controllers/lanes.test.ts'];
const BACKENDS = ['--project', 'contract', 'test/contract/backend.test.ts'];
const PROCESSES = ['--project', 'contract', 'test/contract/process-backend.test.ts'];
const CLUSTER_LEDGER = ['--project', 'unit', 'test/unit/store/cluster-ledger.test.ts'];
const CORRUPTION = ['--project', 'unit', 'test/unit/backends/corrupt-run-folder.test.ts'];

const MUTANTS = [
  {
    name: 'what a skipped task made goes aside',
    file: 'src/planning/judge.ts',
    from: "const left = reason === 'UpstreamFailed' ? undefined : leftBehind(snapshot, task, record);",
    to: 'const left = undefined as ReturnType<typeof leftBehind>;',
    tests: PLANNING,
  },
  {
    name: 'who opens a ledger of a cluster owns it',
    file: 'src/store/cluster/workflow-ledger.ts',
    from: '        await value.#put(LOG, bytes);\n        value.#logBytes',
    to: '        value.#logBytes',
    tests: CLUSTER_LEDGER,
  },
  {
    name: 'a ledger of a cluster is written over what was seen only',
    file: 'src/store/cluster/workflow-ledger.ts',
    from: 'if (!isOurs && !(name === LOG && isThere))',
    to: 'if (!isOurs && name !== LOG)',
    tests: CLUSTER_LEDGER,
  },
  {
    name: 'a write of unknown outcome is not given up',
    file: 'src/store/cluster/workflow-ledger.ts',
    from: '          if (!unsure) throw new LedgerUnavailable(`the ledger cannot be written: ${written.message}`);',
    to: '          throw new LedgerUnavailable(`the ledger cannot be written: ${written.message}`);',
    tests: CLUSTER_LEDGER,
  },
  {
    name: 'of a record in two shards the later one counts',
    file: 'src/store/cluster/shards.ts',
    from: 'if (!other || other.upTo < upTo) this.#places.set(key, shard);',
    to: 'if (!other || other.upTo >= upTo) this.#places.set(key, shard);',
    tests: CLUSTER_LEDGER,
  },
  {
    name: 'intent before effect',
    file: 'src/controllers/reconciler.ts',
    from: 'if (!this.#mayWait()) await this.#commit();',
    to: 'for (const effect of this.#unwritten.effects.splice(0)) void effect();\n    if (!this.#mayWait()) await this.#commit();',
    tests: ENUMERATION,
  },
  {
    name: 'a reset forgives failures',
    file: 'src/planning/journal.ts',
    from: 'forgivenUpTo: Math.max(record.forgivenUpTo, entry.upTo),\n        cancelled: undefined,',
    to: 'forgivenUpTo: record.forgivenUpTo,\n        cancelled: undefined,',
    tests: PLANNING,
  },
  {
    name: 'of a lane no more run than hold',
    file: 'src/controllers/slots.ts',
    from: 'return lane && { name: lane.name, room: lane.holding };',
    to: 'return lane && { name: lane.name, room: lane.holding + 1 };',
    tests: SIMULATION,
  },
  {
    name: 'what follows holds no capacity of its own',
    file: 'src/controllers/slots.ts',
    from: 'if (!lane) return this.#onFree();',
    to: 'this.#onFree();\n    if (!lane) return;',
    tests: LANES,
  },
  {
    name: 'a suspension withdraws what has not started',
    file: 'src/planning/decide.ts',
    from: 'withdrawals(board, snapshot, actions);',
    to: '',
    tests: LANES,
  },
  {
    name: 'nobody goes ahead of who goes first',
    file: 'src/controllers/take-snapshot.ts',
    from: 'keepsLanes && mayGoAhead(home, state)',
    to: 'keepsLanes',
    tests: LANES,
  },
  {
    name: 'the native spawner forgets what has not started when its daemon is gone',
    file: 'src/backends/process/native/spawner.c',
    from: '      if (!read_more(&input)) return;',
    to: '      if (!read_more(&input)) { for (pid_t e; (e = wait(NULL)) > 0;) { leave_lane(e); start_what_may(host); } return; }',
    tests: BACKENDS,
  },
  {
    name: 'a number is used once, also after a task has left',
    file: 'src/planning/record.ts',
    from: 'Math.max(record?.floor ?? 0, lastAttempt(record)?.number ?? 0) + 1',
    to: '(lastAttempt(record)?.number ?? 0) + 1',
    tests: SIMULATION,
  },
  {
    name: 'what nobody claimed is withdrawn at a start',
    file: 'src/controllers/recover.ts',
    from: 'if (withdraw.length > 0) await home.backends.cancel(withdraw);',
    to: '',
    tests: ENUMERATION,
  },
  {
    name: 'the token fences reports of earlier attempts',
    file: 'src/controllers/observations.ts',
    from: 'known?.uid !== token || ended.has(token)',
    to: 'known === undefined || ended.has(token)',
    // Two layers: what has ended is forgotten by its token as well.
    also: [{ file: 'src/controllers/reconciler.ts', from: 'this.#home.tokens.delete(uid);', to: '' }],
    tests: SIMULATION,
  },
  {
    name: 'unknown is not failed',
    file: 'src/controllers/observations.ts',
    from: "    case 'Unknown':\n      state.unconfirmed.add(attempt.uid);\n      state.mark(key);\n      return [];",
    to: "    case 'Unknown': {\n      const gone = { token: observation.token, state: 'Gone' as const, claimed: true, message: '' };\n      return [{ type: 'AttemptEnded', task: key, number, outcome: goneOutcome(state, attempt, gone, now) }];\n    }",
    tests: SIMULATION,
  },
  {
    name: 'the old attempt is confirmed gone before the next',
    file: 'src/planning/record.ts',
    from: "last && last.state !== 'Ended' && last.number",
    to: "last && last.state === 'Intended' && last.number",
    tests: ENUMERATION,
  },
  {
    name: 'ancestors have settled before a task is judged',
    file: 'src/planning/trigger.ts',
    from: "if (open !== undefined) return { verdict: 'Wait', on: open };",
    to: '',
    tests: PLANNING,
  },
  {
    name: 'a result stands only with the bytes that were recorded',
    file: 'src/planning/standing.ts',
    from: 'fact !== recorded : !undisturbed',
    to: 'false : !undisturbed',
    tests: PLANNING,
  },
  {
    name: 'what somebody may have written is looked at',
    file: 'src/planning/standing.ts',
    from: 'if (fact === undefined) unlooked ??= look;',
    to: 'if (fact === undefined) continue;',
    tests: PLANNING,
  },
  {
    name: 'readers are stopped before a file is made again',
    file: 'src/planning/judge.ts',
    from: 'return [...readers];',
    to: 'return [];',
    tests: PLANNING,
  },
  {
    name: 'inputs are looked at once more at the end',
    file: 'src/controllers/observations.ts',
    from: 'if (changed === undefined) return outcome;',
    to: 'if (changed === undefined || changed !== undefined) return outcome;',
    tests: TURNS,
  },
  {
    name: 'the claim is exclusive',
    file: 'src/backends/runtime/attempt.sh',
    from: 'set -C\n',
    to: '',
    tests: PROCESSES,
  },
  {
    name: 'the claim of the native runtime is exclusive',
    file: 'src/backends/process/native/attempt.c',
    from: 'O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC',
    to: 'O_WRONLY | O_CREAT | O_CLOEXEC',
    tests: PROCESSES,
  },
  {
    name: 'the native runtime waits for all that descends from the command',
    file: 'src/backends/process/native/attempt.c',
    from: 'if (ended == 0) return false;',
    to: 'if (ended == 0) return a->code >= 0;',
    tests: PROCESSES,
  },
  {
    name: 'the native runtime moves old outputs aside',
    file: 'src/backends/process/native/files.c',
    from: '  error = move(path, into);',
    to: '  error = 0;',
    tests: BACKENDS,
  },
  {
    name: 'signals of the native runtime are blocked until it asks for them',
    file: 'src/backends/process/native/spawner.c',
    from: 'heed_signals(SIG_BLOCK);',
    to: '',
    tests: PROCESSES,
  },
  {
    name: 'a claim is believed only if both its lines agree',
    file: 'src/backends/process/exit-record.ts',
    from: 'if (half + half !== text) return undefined;',
    to: '',
    tests: CORRUPTION,
  },
  {
    name: 'a run folder is whole before it is claimed',
    file: 'src/backends/runtime/attempt.sh',
    from: '[ -r "$fx_dir/launch" ] || exit 98',
    to: '',
    tests: PROCESSES,
  },
  {
    name: 'old outputs are moved aside',
    file: 'src/backends/runtime/attempt.sh',
    from: '  [ -e "$1" ] || [ -L "$1" ] || return 0\n  mkdir -p -- "${2%/*}" 2>> "$fx_dir/stderr" ||',
    to: '  return 0\n  mkdir -p -- "${2%/*}" 2>> "$fx_dir/stderr" ||',
    tests: BACKENDS,
  },
  {
    name: 'a signal is acted upon by its handler',
    file: 'src/backends/runtime/attempt.sh',
    from: "trap 'fx_cancelled=1 fx_signals=$((fx_signals + 1)); fx_stop' TERM",
    to: "trap 'fx_cancelled=1 fx_signals=$((fx_signals + 1))' TERM",
    tests: PROCESSES,
  },
  {
    name: 'what left the session is found',
    file: 'src/backends/process/processes.ts',
    from: 'const member = seen.fields[3] === session?.id;',
    to: 'const member = false;',
    tests: PROCESSES,
  },
  {
    name: 'a damaged exit record is absent',
    file: 'src/backends/process/exit-record.ts',
    from: 'return posixCksum(bytes) === Number(sum);',
    to: 'return posixCksum(bytes) === Number(sum) || true;',
    tests: PROCESSES,
  },
  {
    name: "another attempt's exit record is nobody's",
    file: 'src/backends/process/exit-record.ts',
    from: ' || record.token !== token',
    to: '',
    tests: PROCESSES,
  },
  {
    name: 'preparing remembers nothing before it is done',
    file: 'src/controllers/executor.ts',
    from: '  prepared.notes.push(() => {\n    // The first reason is the one that counts.\n    if (!state.cancelling.has(attempt.uid)) state.cancelling.set(attempt.uid, action.reason as EndReason);\n  });',
    to: '  state.cancelling.set(attempt.uid, action.reason as EndReason);',
    tests: TURNS,
  },
  {
    name: 'a file that is gone has a grace',
    file: 'src/base/limits.ts',
    from: 'export const FOLDER_GRACE_MS = 30_000;',
    to: 'export const FOLDER_GRACE_MS = 0;',
    tests: ['--project', 'unit', 'test/unit/sources/folder-absence.test.ts'],
  },
];

function edit(copy, { file, from, to }) {
  const path = join(copy, file);
  const text = readFileSync(path, 'utf8');
  const parts = text.split(from);
  if (parts.length !== 2) throw new Error(`${file}: ${parts.length - 1} places read ${JSON.stringify(from)}`);
  writeFileSync(path, parts.join(to));
  return () => writeFileSync(path, text);
}

function lives(copy, mutant) {
  const undo = [mutant, ...(mutant.also ?? [])].map((change) => edit(copy, change));
  const ran = spawnSync('npx', ['vitest', 'run', '--bail', '1', ...mutant.tests], {
    cwd: copy,
    encoding: 'utf8',
    // One that hangs was noticed as well.
    timeout: 300_000,
  });
  for (const back of undo) back();
  if (/No test files found/.test(ran.stderr + ran.stdout)) throw new Error(`${mutant.name}: no such tests`);
  return ran.status === 0;
}

const fit = process.argv.includes('--fit');
const wanted = process.argv.slice(2).filter((word) => word !== '--fit');
const chosen = MUTANTS.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
const copy = mkdtempSync(join(tmpdir(), 'fixpoint-mutants-'));
let living = 0;
try {
  for (const name of COPIED) cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  for (const mutant of chosen) {
    if (fit) {
      for (const back of [mutant, ...(mutant.also ?? [])].map((change) => edit(copy, change))) back();
      continue;
    }
    const alive = lives(copy, mutant);
    if (alive) living++;
    console.log(`${alive ? 'LIVES ' : 'killed'}  ${mutant.name}`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
console.log(fit ? `${chosen.length} fit` : `${chosen.length - living} of ${chosen.length} killed`);
process.exitCode = living > 0 ? 1 : 0;
