import { withSlurm } from '../rig/slurm.ts';
import { backendContract } from './backend-contract.ts';
import { slurmRig } from './slurm-rig.ts';

withSlurm('on a real Slurm', () => {
  backendContract('slurm', () => slurmRig(), false);
});
