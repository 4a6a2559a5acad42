import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { isBuilt } from './fixpoint/program.ts';
import { cgroupAccounts } from './measure/cgroup-account.ts';
import { SAMPLED_ACCOUNTS } from './measure/sampled-account.ts';
import { type Options, parseOptions, USAGE } from './options.ts';
import { install, programOf, versionOf } from './peers/install.ts';
import { page } from './report.ts';
import { newestResults } from './results.ts';
import { closeAllScenes } from './scene.ts';
import type { FoundPeer, Session } from './session.ts';

/**
 * Measures Fixpoint beside its peers, the same work for each: `npm run bench`. What is asked is in `workloads/`, who is
 * asked in `peers/` and `fixpoint/`, how it is measured in `measure/`; `work.ts` is the vocabulary that they share.
 */
const PAGE = resolve(import.meta.dirname, '../docs/benchmarks.md');

const options = parseOptions(process.argv.slice(2), process.env);
if (typeof options === 'string') {
  console.error(`${options}\n${USAGE}`);
  process.exitCode = 2;
} else {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void closeAllScenes().finally(() => process.exit(130)));
  }
  process.exitCode = await main(options);
}

async function main(chosen: Options): Promise<number> {
  let failures = 0;
  const fail = (line: string): void => {
    failures += 1;
    console.error(line);
  };
  if (chosen.install) installAll(chosen, fail);
  if (chosen.run) await measureAll(chosen, fail);
  if (chosen.write) writeFileSync(PAGE, page(newestResults(chosen.results)));
  return failures === 0 ? 0 : 1;
}

function installAll({ peers, cache }: Options, fail: (line: string) => void): void {
  for (const peer of peers) {
    const problem = install(peer, cache);
    if (problem === undefined) console.log(`${peer.name}: installed`);
    else fail(`${peer.name}: ${problem}`);
  }
}

async function measureAll(chosen: Options, fail: (line: string) => void): Promise<void> {
  if (!isBuilt()) {
    fail('there is no dist/: npm run build');
    return;
  }
  const session: Session = {
    accounts: (chosen.sampled ? undefined : cgroupAccounts()) ?? SAMPLED_ACCOUNTS,
    peers: found(chosen),
    pairs: chosen.pairs,
    quick: chosen.quick,
    ...(chosen.tasks === undefined ? {} : { tasks: chosen.tasks }),
    cache: chosen.cache,
    resultsFile: resolve(chosen.results),
    say: (line) => console.log(line),
    fail,
  };
  console.log(`cpu time by ${session.accounts.name}; results in ${session.resultsFile}`);
  try {
    for (const workload of chosen.workloads) await workload.run(session);
  } finally {
    await closeAllScenes();
  }
}

function found({ peers, cache }: Options): readonly FoundPeer[] {
  return peers.flatMap((peer) => {
    const program = programOf(peer, cache);
    if (program === undefined) {
      console.log(`${peer.name}: skipped, it is not installed (--install)`);
      return [];
    }
    return [{ peer, program, version: versionOf(peer, program) }];
  });
}
