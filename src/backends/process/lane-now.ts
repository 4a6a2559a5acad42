import type { Lane, Launch } from '../backend.ts';
import type { OpenAttempt } from './open-attempt.ts';

/**
 * The lane that this attempt is handed over with; it is noted as one of this spawner. What an earlier spawner started
 * is not counted by the present one and leaves less room; with none left the attempt waits here for the next sweep.
 */
export function laneNow(
  attempt: OpenAttempt,
  { lane }: Launch,
  open: Iterable<OpenAttempt>,
  incarnation: number,
): Lane | undefined {
  attempt.incarnation = incarnation;
  attempt.lane = lane?.name;
  attempt.waiting = false;
  if (!lane || incarnation === 0) return lane;
  let earlier = 0;
  for (const other of open) if (other.lane === lane.name && other.incarnation < incarnation) earlier++;
  attempt.waiting = earlier >= lane.room;
  return { ...lane, room: lane.room - earlier };
}
