import { backendContract } from './backend-contract.ts';
import { memoryRig, processRig } from './backend-rig.ts';

backendContract('memory', memoryRig);
backendContract('process, shell spawner', () => processRig('shell'), false);
backendContract('process, native spawner', () => processRig('native'));
