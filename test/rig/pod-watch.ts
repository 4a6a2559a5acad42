import { spawn } from 'node:child_process';
import type { ApiServer } from './real-api-server.ts';

/** Names of all pods that ever come to be in a namespace, told by a watch of its own. */
export class PodWatch {
  readonly #child;
  #text = '';

  constructor(server: ApiServer, namespace: string) {
    this.#child = spawn('kubectl', ['get', '--raw', `/api/v1/namespaces/${namespace}/pods?watch=1`], {
      env: { ...server.env, KUBECONFIG: server.kubeconfig },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#text += text;
    });
  }

  get names(): string[] {
    const events = this.#text.split('\n').slice(0, -1);
    return events
      .map((line) => JSON.parse(line) as { type: string; object: { metadata: { name: string } } })
      .filter(({ type }) => type === 'ADDED')
      .map(({ object }) => object.metadata.name);
  }

  stop(): void {
    this.#child.kill();
  }
}
