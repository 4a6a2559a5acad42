// The barriers that `scripts/mutants.mjs` takes away, and the tests that must fail for each.

const PLANNING = ['--project', 'unit', 'test/unit/planning'];
const TURNS = ['--project', 'unit', 'test/unit/controllers/turns.test.ts'];
const LANES = ['--project', 'unit', 'test/unit/controllers/lanes.test.ts'];
const HOMES = ['--project', 'unit', 'test/unit/controllers/embedded-home.test.ts'];
const ABSENCE = ['--project', 'unit', 'test/unit/sources/folder-absence.test.ts'];
const LEDGER = ['--project', 'unit', 'test/unit/store/sqlite-store.test.ts'];
const DATABASE = ['--project', 'unit', 'test/unit/store/database.test.ts'];
const LOCK = ['--project', 'unit', 'test/unit/store/lock.test.ts'];
const CORRUPT_LEDGER = ['--project', 'unit', 'test/unit/store/corrupt-ledger.test.ts', '-t'];
const FLIPPED_LEDGER = [...CORRUPT_LEDGER, 'in the database'];
const FLIPPED_LOG = [...CORRUPT_LEDGER, 'in the log'];
const OTHER_PAGES = [...CORRUPT_LEDGER, 'a page is not'];
const OLDER_LEDGER = [...CORRUPT_LEDGER, 'never reached'];
const EXIT_RECORDS = ['--project', 'unit', 'test/unit/backends/corrupt-run-folder.test.ts', '-t', 'an exit record'];
const DIGESTS = ['--project', 'unit', 'test/unit/backends/digest-cache.test.ts'];
const STORES = ['--project', 'contract', 'test/contract/store.test.ts'];

const SIMULATION = ['--project', 'simulation', 'test/simulation/simulation.test.ts'];
const ENUMERATION = ['--project', 'simulation', 'test/simulation/enumeration.test.ts', '-t', 'of [12] tasks'];
const BACKENDS = ['--project', 'contract', 'test/contract/backend.test.ts'];
const PROCESSES = ['--project', 'contract', 'test/contract/process-backend.test.ts'];
const CLUSTER_LEDGER = ['--project', 'unit', 'test/unit/store/cluster-ledger.test.ts'];
const CLAIMS = ['--project', 'unit', 'test/unit/backends/corrupt-run-folder.test.ts', '-t', 'a claim'];

/** Seconds each; the others take up to minutes. */
const QUICK = new Set([
  PLANNING,
  TURNS,
  LANES,
  HOMES,
  ABSENCE,
  LEDGER,
  DATABASE,
  LOCK,
  FLIPPED_LEDGER,
  FLIPPED_LOG,
  OTHER_PAGES,
  OLDER_LEDGER,
  EXIT_RECORDS,
  DIGESTS,
  STORES,
]);

export const isQuick = ({ tests }) => QUICK.has(tests);

/**
 * Each is an edit that takes a barrier away: of one file, `also` of others where there are two layers. `from` stands in the
 * file once.
 */
export const MUTANTS = [
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
    tests: CLAIMS,
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
    tests: EXIT_RECORDS,
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
    tests: ABSENCE,
  },
  {
    name: 'a group of commits is one transaction',
    file: 'src/store/sqlite-store.ts',
    from: 'this.#db.transaction(() => group.map(({ batch }) => this.#write(batch)))();',
    to: 'group.map(({ batch }) => this.#write(batch));',
    tests: LEDGER,
  },
  {
    name: 'what could not be written is not remembered as written',
    file: 'src/store/sqlite-store.ts',
    from: 'this.#version = before;\n      this.#written.clear();',
    to: 'this.#version = before;',
    tests: LEDGER,
  },
  {
    name: 'a version that could not be written is given out again',
    file: 'src/store/sqlite-store.ts',
    from: '      this.#version = before;\n',
    to: '',
    tests: LEDGER,
  },
  {
    name: 'no entry is written over another',
    file: 'src/store/sqlite-store.ts',
    from: "'INSERT INTO journal (seq,",
    to: "'INSERT OR REPLACE INTO journal (seq,",
    tests: LEDGER,
  },
  {
    name: 'a conditional write is refused when its version has passed',
    file: 'src/store/sqlite-store.ts',
    from: "if ((row?.version ?? 0) !== write.ifVersion) return { outcome: 'Conflict' };",
    to: '',
    tests: STORES,
  },
  {
    name: 'versions of what was forgotten are not given out again',
    file: 'src/store/sqlite-store.ts',
    from: 's.raiseFloor.run(this.#version);',
    to: '',
    tests: STORES,
  },
  {
    name: 'a commit that returned is on the disk',
    file: 'src/store/database.ts',
    from: "db.pragma('synchronous = FULL');",
    to: "db.pragma('synchronous = NORMAL');",
    tests: DATABASE,
  },
  {
    name: 'a state has one writer',
    file: 'src/store/lock.ts',
    from: "db.exec('BEGIN EXCLUSIVE');",
    to: "db.exec('BEGIN');",
    tests: LOCK,
  },
  {
    name: 'a lock that cannot be taken is not one that somebody holds',
    file: 'src/store/lock.ts',
    from: "if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY')) return fail('Held');\n    throw error;",
    to: "return fail('Held');",
    tests: LOCK,
  },
  {
    name: 'who does not get the lock does not open the ledger',
    file: 'src/controllers/embedded-home.ts',
    from: "if (!taken.ok) return fail({ reason: 'Locked', message: lockedMessage(dir) });\n      lock = taken.value;",
    to: 'if (taken.ok) lock = taken.value;\n      else lockedMessage(dir);',
    tests: HOMES,
  },
  {
    name: 'a row that has changed is damage',
    file: 'src/store/check-ledger.ts',
    from: 'if (bad > 0) return',
    to: 'if (bad < 0) return',
    tests: FLIPPED_LEDGER,
  },
  {
    name: 'pages that do not fit together are damage',
    file: 'src/store/check-ledger.ts',
    from: "if (said !== 'ok') return",
    to: "if (said === '') return",
    tests: OTHER_PAGES,
  },
  {
    name: 'a record is what the journal says of its task',
    file: 'src/store/check-ledger.ts',
    from: 'if (unlike) return',
    to: 'if (unlike && !unlike) return',
    tests: OLDER_LEDGER,
  },
  {
    name: 'a bad frame before other commits is damage, not the end of the log',
    file: 'src/store/check-log.ts',
    from: 'return several ?',
    to: 'return several && bad < 0 ?',
    tests: FLIPPED_LOG,
  },
  {
    name: 'a damaged exit record is absent where its sum is SHA-256, too',
    file: 'src/backends/process/exit-record.ts',
    from: "=== createHash('sha256').update(bytes).digest('hex');",
    to: "=== createHash('sha256').update(bytes).digest('hex') || true;",
    tests: EXIT_RECORDS,
  },
  {
    name: 'a digest is remembered only if a later write would show',
    file: 'src/backends/process/digest-cache.ts',
    from: 'if (settled && sameTimes(',
    to: 'if ((settled || true) && sameTimes(',
    tests: DIGESTS,
  },
  {
    name: 'so is one that somebody else has made',
    file: 'src/backends/process/digest-cache.ts',
    from: 'if (!isSettledAt(moment, before)) return;',
    to: '',
    tests: DIGESTS,
  },
];
