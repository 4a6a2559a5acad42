import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * A thread that answers one question after another, in order. Its program posts `{ answer }` for each; while it owes none it
 * keeps no process alive. When it has ended, every question fails.
 */
export class AskedThread<Question> {
  readonly #worker: Worker;
  readonly #waiting: { resolve: (answer: unknown) => void; reject: (error: Error) => void }[] = [];
  #failed: Error | undefined;

  /** `what`: what it does, for its errors. */
  constructor(program: string, what: string, options: WorkerOptions = {}) {
    this.#worker = new Worker(program, { eval: true, execArgv: [], ...options });
    this.#worker.on('message', ({ answer }: { answer: unknown }) => this.#waiting.shift()?.resolve(answer));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', (code) => this.#fail(new Error(`the thread that ${what} ended with code ${code}`)));
    this.#worker.unref();
  }

  ask(question: Question): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#failed) return reject(this.#failed);
      this.#waiting.push({ resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage(question);
    }).finally(() => {
      if (this.#waiting.length === 0) this.#worker.unref();
    });
  }

  end(): void {
    void this.#worker.terminate();
  }

  #fail(error: Error): void {
    this.#failed = error;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
