import type { Logger } from '../../base/logger.ts';
import { SOURCE_ANNOTATION, type SourceHome } from '../source.ts';
import type { Claim } from './claims.ts';
import { mayExist } from './scan-folder.ts';

/**
 * Deletes a workflow whose absence is due, after a last look at the file and at who owns the workflow now: it may
 * have come from another door since. True: it is not this folder's any more. False: ask again later.
 */
export async function deleteClaimed(home: SourceHome, logger: Logger, claim: Claim): Promise<boolean> {
  const { ref, file } = claim;
  const fields = { file, workflow: ref.name, namespace: ref.namespace };
  const what = claim.absent?.what;
  if (what === undefined) return false;
  if (what === 'File' && (await mayExist(file))) return false;
  const existing = await home.get(ref);
  if (!existing.ok) return existing.error.reason === 'NotFound';
  const { annotations, deletionTimestamp } = existing.value.metadata;
  if (deletionTimestamp !== undefined) return true;
  if (annotations?.[SOURCE_ANNOTATION] !== claim.stampedFile) {
    logger.info(fields, 'its file is gone, but it was applied from elsewhere since; left alone');
    return true;
  }
  if (claim.absent === undefined) return false;
  const deleted = await home.delete(ref);
  if (!deleted.ok && deleted.error.reason !== 'NotFound') {
    logger.warn({ ...fields, problem: deleted.error.message }, 'could not be deleted, will be tried again');
    return false;
  }
  logger.info(fields, what === 'File' ? 'its file is gone; deleted' : 'its file holds it no more; deleted');
  return true;
}
