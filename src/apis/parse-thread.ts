import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { MAX_PARSE_HEAP_MB } from '../base/limits.ts';
import { OWN_FILES } from '../base/own-files.ts';
import type { ReadWorkflows } from './read-workflows.ts';

export interface ParseRequest {
  readonly text: string;
  readonly file: string;
}

/** One text at a time: two large ones side by side would need twice the memory and not be done sooner. */
let last: Promise<unknown> = Promise.resolve();

/** Reads a text in a thread that ends with it, so that nothing keeps the process alive or its memory taken. */
export function readInThread(text: string, file: string): Promise<ReadWorkflows> {
  const next = last.then(() => runThread({ text, file }));
  last = next.catch(() => undefined);
  return next;
}

function runThread(request: ParseRequest): Promise<ReadWorkflows> {
  return new Promise((resolve, reject) => {
    const worker = startWorker(request);
    // Settling twice does nothing, so each way to end may say what it knows.
    worker.once('message', (read: ReadWorkflows) => {
      resolve(read);
      void worker.terminate();
    });
    worker.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') resolve(tooMuch(request.file));
      else reject(error);
    });
    worker.once('exit', (code) => reject(new Error(`the parsing thread ended with code ${code}`)));
  });
}

function startWorker(request: ParseRequest): Worker {
  const options = { workerData: request, execArgv: [], resourceLimits: { maxOldGenerationSizeMb: MAX_PARSE_HEAP_MB } };
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('apis/parse-worker.js', OWN_FILES), options);
  // From source (tests, tsx) a thread inherits no loader for TypeScript, so it registers one before its first import.
  // `resolve` gives the CommonJS half, whose registration fails; the other lies beside it.
  const half = createRequire(import.meta.url).resolve('tsx/esm/api');
  const loader = pathToFileURL(half.replace(/\.cjs$/, '.mjs')).href;
  const worker = new URL('./parse-worker.ts', import.meta.url).href;
  const code = `import(${JSON.stringify(loader)}).then((tsx) => { tsx.register(); return import(${JSON.stringify(worker)}); })`;
  return new Worker(code, { ...options, eval: true });
}

function tooMuch(file: string): ReadWorkflows {
  const message = `needs more than ${MAX_PARSE_HEAP_MB} MiB of memory to be read. Keep data in files and the tasks in a fan-out.`;
  return {
    documents: [],
    diagnostics: [{ severity: 'error', code: 'E-TOO-LARGE', path: [], message, file, line: 1, column: 1 }],
  };
}
