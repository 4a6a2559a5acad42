import { spawn } from 'node:child_process';
import type { ApiServer } from './real-api-server.ts';

/** All pods that ever come to be in a namespace, told by a watch of its own. */
export class PodWatch {
  readonly #child;
  /** In the order in which they came. */
  readonly names: string[] = [];
  #rest = '';

  constructor(server: ApiServer, namespace: string) {
    this.#child = spawn('kubectl', ['get', '--raw', `/api/v1/namespaces/${namespace}/pods?watch=1`], {
      env: { ...server.env, KUBECONFIG: server.kubeconfig },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => this.#take(text));
  }

  #take(text: string): void {
    const lines = `${this.#rest}${text}`.split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const { type, object } = JSON.parse(line) as { type: string; object: { metadata: { name: string } } };
      if (type === 'ADDED') this.names.push(object.metadata.name);
    }
  }

  stop(): void {
    this.#child.kill();
  }
}
