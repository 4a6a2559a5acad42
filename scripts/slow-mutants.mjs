// Barriers that only tests of up to minutes watch over; otherwise as in `quick-mutants.mjs`.

const SIMULATION = ['--project', 'simulation', 'test/simulation/simulation.test.ts'];
const ENUMERATION = [
  '--project',
  'simulation',
  'test/simulation/enumeration.test.ts',
  '-t',
  'of 2 tasks, broad edges: true',
];
const BACKENDS = ['--project', 'contract', 'test/contract/backend.test.ts'];
const PROCESSES = ['--project', 'contract', 'test/contract/process-backend.test.ts'];
const CLUSTER_LEDGER = ['--project', 'unit', 'test/unit/store/cluster-ledger.test.ts'];
const CLAIMS = ['--project', 'unit', 'test/unit/backends/corrupt-run-folder.test.ts', '-t', 'a claim'];

export const SLOW_MUTANTS = [
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
    name: 'of a lane no more run than hold',
    file: 'src/controllers/slots.ts',
    from: 'return lane && { name: lane.name, room: lane.holding };',
    to: 'return lane && { name: lane.name, room: lane.holding + 1 };',
    tests: SIMULATION,
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
    file: 'src/base/twice.ts',
    from: 'half + half === text && ',
    to: '',
    tests: CLAIMS,
  },
  {
    name: 'a run folder is whole before it is claimed',
    file: 'src/backends/runtime/attempt.sh',
    from: '[ -r "$fx_dir/launch" ] || exit 98',
    to: '',
    // Two layers: without it there are no sums either.
    also: [
      {
        file: 'src/backends/runtime/attempt.sh',
        from: 'exec sha256sum -c sums) > /dev/null 2>&1 || exit 98',
        to: ':)',
      },
    ],
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
    from: 'sessions.find(({ id }) => id === seen.fields[3])',
    to: '(undefined as NotedSession | undefined)',
    tests: PROCESSES,
  },
  {
    name: "another attempt's exit record is nobody's",
    file: 'src/backends/process/exit-record.ts',
    from: ' || record.token !== token',
    to: '',
    tests: PROCESSES,
  },
];
