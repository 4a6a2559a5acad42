import { daemonStage } from './fixpoint/daemon-stage.ts';
import { expressed, fixpointVersion } from './fixpoint/program.ts';
import type { AccountKind } from './measure/account.ts';
import { finishOnce, programStage } from './program-stage.ts';
import type { FoundPeer, Session } from './session.ts';
import type { Contender } from './stage.ts';

/** A new process for each question: `run`, `plan`. */
export function oursCold(accounts: AccountKind): Contender {
  return {
    name: 'fixpoint',
    version: fixpointVersion(),
    stage: (question, work) =>
      // An edit is carried out: that folder is nobody else's.
      programStage(accounts, question, work, expressed, question === 'edit' ? undefined : finishOnce),
  };
}

/** A daemon that has the state in memory. */
export function oursWarm(accounts: AccountKind): Contender {
  return {
    name: 'fixpoint daemon',
    version: fixpointVersion(),
    stage: (question, work) => daemonStage(accounts, question, work),
  };
}

export function peerContenders(session: Session): readonly Contender[] {
  return session.peers.map((found) => peerContender(session.accounts, found));
}

function peerContender(accounts: AccountKind, { peer, program, version }: FoundPeer): Contender {
  return {
    name: peer.name,
    version,
    stage: async (question, work) => {
      if (peer.mostTasks !== undefined && work.tasks > peer.mostTasks) return { cannot: 'so many tasks take too long' };
      return await programStage(accounts, question, work, (w) => peer.express(w, program));
    },
  };
}
