import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, ok, type Result } from './result.ts';

/**
 * Named moments at which a process can be told to die, one before and one after each effect, and within those that take
 * more than one step. `FIXPOINT_FAIL_POINT=NAME@N` kills, by SIGKILL, whoever passes that point for the N-th time. Without
 * it passing costs one comparison. `test/system/fail-points.test.ts` dies at each; `test/tidy.test.ts` compares this list with
 * what the code passes.
 */

/**
 * Who passes it. `program`: the process of a command, counted in that process. The others: a spawner and the attempts that it
 * started, counted over all of them; the first spawner that a process starts is the armed one. `runtimes`: both kinds. `slurm`:
 * a process of ours too, where attempts run on Slurm.
 */
type Passer = 'program' | 'slurm' | 'runtimes' | 'native' | 'shell';

export const FAIL_POINTS = {
  'accept.before': ['program', 'a request has arrived on the socket'],
  'accept.after': ['program', 'it is answered'],
  'ack.before': ['program', 'a success is durable; what its run folder holds is not tidied'],
  'ack.after': ['program', 'it is tidied'],
  'aside.before': ['program', 'a name is wanted for what is moved aside, and something has it'],
  'aside.after': ['program', 'that has another name'],
  'cancel.before': ['program', 'a cancel is durable; the attempt does not know'],
  'cancel.after': ['program', 'the attempt was told, or its claim was taken'],
  'close.before': ['program', 'the ledger is about to be closed'],
  'close.after': ['program', 'it is closed; the lock is still held'],
  'commit.before': ['program', 'batches wait to be written'],
  'commit.within': ['program', 'a batch is written in a transaction that is not committed'],
  'commit.after': ['program', 'it is durable; nobody knows'],
  'copy.before': ['program', 'an output is to be put back from another file system'],
  'copy.made': ['program', 'it is copied under another name'],
  'copy.placed': ['program', 'it has its name; its source is still there'],
  'copy.after': ['program', 'its source is gone'],
  'digests.before': ['program', 'digests are to be appended to their file'],
  'digests.after': ['program', 'they are'],
  'dismiss.before': ['program', 'the spawner is to be let go'],
  'dismiss.after': ['program', 'it was let go'],
  'folder.before': ['program', 'a run folder is to be made for the shell runtime'],
  'folder.file': ['program', 'one of its files is to be written'],
  'folder.within': ['program', 'all but its launch file is there'],
  'folder.after': ['program', 'it is whole; nobody was told'],
  'holder.before': ['program', 'it serves; `holder.json` does not say so'],
  'holder.within': ['program', '`holder.json` is written under another name'],
  'holder.after': ['program', 'it has its name'],
  'kill.before': ['program', 'what a runtime left behind is to be killed'],
  'kill.after': ['program', 'one process of it was'],
  'leave.before': ['program', '`holder.json` is to be removed'],
  'leave.after': ['program', 'it is; the socket still answers'],
  'ledger.before': ['program', 'the ledger is to be opened, or made'],
  'ledger.within': ['program', 'it is open; a transaction that writes nothing has begun'],
  'ledger.after': ['program', 'it is open and of the newest format'],
  'limit.before': ['program', 'a log is too long'],
  'limit.kept': ['program', 'its end is kept elsewhere'],
  'limit.cut': ['program', 'it is empty'],
  'limit.after': ['program', 'it says what was dropped'],
  'listen.before': ['program', 'nobody listens'],
  'listen.within': ['program', 'the socket is there with the mode that it was born with'],
  'listen.after': ['program', 'it has its mode'],
  'lock.before': ['program', 'the lock is to be taken'],
  'lock.after': ['program', 'it is ours'],
  'migrate.before': ['program', 'a transaction is begun that makes the next format'],
  'migrate.within': ['program', 'its schema is there, its number is not'],
  'migrate.after': ['program', 'both are, and not committed'],
  'observe.before': ['program', 'it is known how an attempt ended; nobody was told'],
  'observe.after': ['program', 'it waits to be made an entry'],
  'prune.before': ['program', 'a task has left the spec and nothing of it runs'],
  'prune.after': ['program', 'its end is an entry that is not durable'],
  'remove.before': ['program', 'a worthless file or folder is to be removed'],
  'remove.after': ['program', 'it is'],
  'request.before': ['program', 'requests are durable in the resource and not carried out'],
  'request.after': ['program', 'they are entries that are not durable'],
  'reset.before': ['program', 'tasks are about to forget their results'],
  'reset.after': ['program', 'that is entries which are not durable'],
  'restore.before': ['program', 'a file is to be moved, where it is put back or goes out of the way'],
  'restore.after': ['program', 'it is moved'],
  'rewrite.before': ['program', 'the file of digests is to be made anew'],
  'rewrite.within': ['program', 'it is, under another name'],
  'rewrite.after': ['program', 'it has its name'],
  'send.before': ['program', 'an intent is durable; the spawner does not know'],
  'send.after': ['program', 'it was written to the pipe'],
  'signal.before': ['program', 'a runtime is to be sent TERM'],
  'signal.after': ['program', 'it was'],
  'socket.before': ['program', 'the folder of the socket may not exist'],
  'socket.stale': ['program', 'the socket of a dead server is to be removed'],
  'socket.after': ['program', 'it is'],
  'spawn.before': ['program', 'a spawner is to be started'],
  'spawn.after': ['program', 'it was; it has said nothing'],
  'state.before': ['program', 'the state folder may not exist'],
  'state.after': ['program', 'it does'],
  'submit.before': ['program', 'intents are durable; the backend does not know'],
  'submit.after': ['program', 'it has answered'],
  'sweep.before': ['program', 'what outlived its attempt is to be ended'],
  'sweep.after': ['program', 'one process of it was sent a signal'],
  'time.before': ['program', 'a file is to be written, to be told the time of the disk'],
  'time.after': ['program', 'it is'],
  'unlock.before': ['program', 'the lock is to be released'],
  'unlock.after': ['program', 'it is'],
  'withdraw.before': ['program', 'a launch is to be withdrawn'],
  'withdraw.torn': ['program', 'its claim is taken, and empty'],
  'withdraw.after': ['program', 'its claim says so'],
  'claim.before': ['runtimes', 'an attempt is about to claim its run folder'],
  'claim.torn': ['runtimes', 'the claim is there, and empty'],
  'claim.after': ['runtimes', 'it is whole'],
  'displace.before': ['runtimes', 'an old output may lie where the command will write'],
  'displace.within': ['runtimes', 'there is room for it where it goes'],
  'displace.after': ['runtimes', 'it is moved'],
  'end.before': ['runtimes', 'what the command started is to be sent a signal'],
  'end.after': ['runtimes', 'it was'],
  'exec.before': ['runtimes', 'everything is prepared for the command'],
  'exec.within': ['runtimes', 'it has a process that is not the command yet; the runtime dies, not that process'],
  'exec.after': ['runtimes', 'it is on its own'],
  'log.before': ['runtimes', 'a log of the command is to be made, or emptied'],
  'mkdir.before': ['runtimes', 'a folder is to be made, if it is not there'],
  'mkdir.after': ['runtimes', 'it is there'],
  'notice.before': ['runtimes', 'it started or ended, and nobody was told'],
  'notice.after': ['runtimes', 'the daemon was told'],
  'ready.before': ['runtimes', 'the spawner has said nothing yet'],
  'ready.after': ['runtimes', 'it has said that it is there'],
  'receive.before': ['runtimes', 'the spawner has read a whole frame'],
  'receive.after': ['runtimes', 'it has forked what supervises the attempt, or lets it wait in its lane'],
  'record.before': ['runtimes', 'the attempt is over; no record says so'],
  'record.after': ['runtimes', 'its record is written'],
  'stamp.before': ['runtimes', 'a declared output is to be digested'],
  'stamp.after': ['runtimes', 'it is'],
  'follow.before': ['native', 'an attempt may start, by the count of its lane'],
  'follow.after': ['native', 'what supervises it is forked'],
  'move.before': ['native', 'a file is to be moved to another file system'],
  'move.after': ['native', 'it is'],
  'write.after': ['native', 'a file that the command needs is there'],
  'write.torn': ['native', 'a file of the run folder is there, and empty: also the record'],
  'link.before': ['shell', "an input is to appear in the attempt's own folder"],
  'link.after': ['shell', 'it does'],
  'match.before': ['shell', 'what a pattern matches is to be moved'],
  'match.after': ['shell', 'it is'],
  'place.before': ['shell', 'a file of the document is to be put where it belongs'],
  'place.after': ['shell', 'it is'],
  'publish.before': ['shell', "an output is to leave the attempt's own folder"],
  'publish.after': ['shell', 'it lies where it was declared'],
  'record.torn': ['shell', 'the record is there, and empty'],
  'session.before': ['shell', 'the session of the command is not noted'],
  'session.after': ['shell', 'it is'],
  'slurm.folder': ['slurm', 'the folder of what nodes have to see may not exist'],
  'slurm.programs': ['slurm', "the programs of the node's side are to be put there"],
  'slurm.write': ['slurm', 'a file that must be durable is to be written'],
  'slurm.rename': ['slurm', 'what is durable is to get its name'],
  'slurm.opinion': ['slurm', "what Slurm says of an attempt's end is to be kept with it"],
  'submission.before': ['slurm', 'attempts are to go to Slurm together; nothing says so'],
  'submission.after': ['slurm', 'their submission is durable; Slurm does not know'],
  'sbatch.before': ['slurm', 'Slurm is to be told'],
  'sbatch.after': ['slurm', 'it has answered; only we know'],
  'answer.before': ['slurm', 'the id of a job is to be kept'],
  'answer.after': ['slurm', 'it is'],
  'scancel.before': ['slurm', 'Slurm is to end what was cancelled'],
  'scancel.after': ['slurm', 'it was told'],
} as const satisfies Readonly<Record<string, readonly [passer: Passer, moment: string]>>;

type Name = keyof typeof FAIL_POINTS;
/** Those of this process. */
type OurName = { [N in Name]: (typeof FAIL_POINTS)[N][0] extends 'program' | 'slurm' ? N : never }[Name];

interface Armed {
  readonly name: string;
  readonly at: number;
  /** A folder where whoever is about to die leaves `NAME@N`, holding its pid. */
  readonly notes: string | undefined;
  readonly ours: boolean;
  passed: number;
  spawners: number;
}

let armed: Armed | undefined;

export function failPoint(name: OurName): void {
  if (armed !== undefined) pass(armed, name);
}

function pass(point: Armed, name: OurName): void {
  if (name !== point.name || ++point.passed !== point.at) return;
  if (point.notes !== undefined) writeFileSync(join(point.notes, `${name}@${point.at}`), `${process.pid}\n`);
  process.kill(process.pid, 'SIGKILL');
}

/** To be called once, by a composition root, before there are effects. The error is one sentence. */
export function armFailPoint(env: NodeJS.ProcessEnv): Result<void, string> {
  const text = env['FIXPOINT_FAIL_POINT'];
  if (text === undefined || text === '') return ok(undefined);
  const [, name = '', at] = /^([a-z.]+)@([1-9]\d{0,8})$/.exec(text) ?? [];
  if (!Object.hasOwn(FAIL_POINTS, name))
    return fail(`FIXPOINT_FAIL_POINT=${text} is not NAME@N with one of ${Object.keys(FAIL_POINTS).join(', ')}`);
  const passer = FAIL_POINTS[name as Name][0];
  const ours = passer === 'program' || passer === 'slurm';
  armed = { name, at: Number(at), notes: env['FIXPOINT_FAIL_NOTES'], ours, passed: 0, spawners: 0 };
  return ok(undefined);
}

/** What the environment of a spawner needs: once, or the next one would die there as well, and no attempt would start. */
export function failPointOfSpawner(): Readonly<Record<string, string>> {
  if (armed === undefined || armed.ours || armed.spawners++ > 0) return {};
  const point = { FIXPOINT_FAIL_POINT: `${armed.name}@${armed.at}` };
  return armed.notes === undefined ? point : { ...point, FIXPOINT_FAIL_NOTES: armed.notes };
}
