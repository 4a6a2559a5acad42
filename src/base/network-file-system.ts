import { statfsSync } from 'node:fs';

/** Magic numbers of file systems that other hosts may write to at the same time, as statfs(2) gives them. */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x0bd00bd0, 'Lustre'],
  [0x00c36400, 'Ceph'],
  [0x47504653, 'GPFS'],
  [0x19830326, 'BeeGFS'],
  [0x65735546, 'FUSE'],
]);

/** The name of the network file system that a folder lies on; undefined: on none that we know, or nobody can tell. */
export function networkFileSystem(folder: string): string | undefined {
  try {
    // The kernel's number is 32 bits; some are given as negative ones.
    return NETWORK_FILE_SYSTEMS.get(statfsSync(folder).type >>> 0);
  } catch {
    return undefined;
  }
}
