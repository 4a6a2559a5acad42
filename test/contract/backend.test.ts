import { backendContract } from './backend-contract.ts';
import { memoryRig, processRig } from './backend-rig.ts';

backendContract('memory', memoryRig);
backendContract('process', processRig);
