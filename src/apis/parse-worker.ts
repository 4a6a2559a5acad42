import { parentPort, workerData } from 'node:worker_threads';
import type { ParseRequest } from './parse-thread.ts';
import { readWorkflows } from './read-workflows.ts';

// The thread of `parse-thread.ts`: one text in, one answer out. Position tables are handed over, not copied.
const { text, file } = workerData as ParseRequest;
const read = readWorkflows(text, file);
parentPort?.postMessage(
  read,
  read.documents.map(({ positions }) => positions.cells.buffer),
);
