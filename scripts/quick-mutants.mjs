// Barriers that a test of seconds watches over. An edit takes one away: of one file, `also` of others where there are two
// layers; `from` stands in its file once. `tests` must fail then.

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
const WAITING = ['--project', 'unit', 'test/unit/backends/corrupt-run-folder.test.ts', '-t', 'waits for its turn'];
const SUBMISSIONS = ['--project', 'unit', 'test/unit/backends/slurm/recovery.test.ts', '-t', 'a bit of a submission'];
const DIGESTS = ['--project', 'unit', 'test/unit/backends/digest-cache.test.ts'];
const STORES = ['--project', 'contract', 'test/contract/store.test.ts'];

export const QUICK_MUTANTS = [
  {
    name: 'what a skipped task made goes aside',
    file: 'src/planning/judge.ts',
    from: "const left = reason === 'UpstreamFailed' ? undefined : leftBehind(snapshot, task, record);",
    to: 'const left = undefined as ReturnType<typeof leftBehind>;',
    tests: PLANNING,
  },
  {
    name: 'a reset forgives failures',
    file: 'src/planning/journal.ts',
    from: 'forgivenUpTo: Math.max(record.forgivenUpTo, entry.upTo),\n        cancelled: undefined,',
    to: 'forgivenUpTo: record.forgivenUpTo,\n        cancelled: undefined,',
    tests: PLANNING,
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
    name: 'a damaged exit record is absent',
    file: 'src/backends/process/exit-record.ts',
    from: 'return posixCksum(bytes) === Number(sum);',
    to: 'return posixCksum(bytes) === Number(sum) || true;',
    tests: EXIT_RECORDS,
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
    name: 'a digest that somebody else has made is remembered by the same rule',
    file: 'src/backends/process/digest-cache.ts',
    from: 'if (!isSettledAt(moment, before)) return;',
    to: '',
    tests: DIGESTS,
  },
  {
    name: 'a run folder in which a byte has changed is not claimed',
    file: 'src/backends/runtime/attempt.sh',
    from: 'exec sha256sum -c sums) > /dev/null 2>&1 || exit 98',
    to: ':)',
    tests: WAITING,
  },
  {
    name: 'of GPUs whose list was damaged none is given away',
    file: 'src/backends/process/folder-content.ts',
    from: "plain('gpus', twice(gpuIds))",
    to: "plain('gpus', gpuIds)",
    tests: WAITING,
  },
  {
    name: "a submission in which a byte has changed is nobody's",
    file: 'src/backends/slurm/submission.ts',
    from: 'if (sha256Hex(text) !== sums[file]) throw',
    to: 'if (sums[file] === undefined) throw',
    tests: SUBMISSIONS,
  },
];
