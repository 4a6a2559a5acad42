import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** TCP between a client and an API server, which a test can cut or let go silent. */
export class CuttableProxy {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #way: 'Open' | 'Refusing' | 'Silent' = 'Open';

  private constructor(target: number) {
    this.#server = createServer((near) => {
      if (this.#way === 'Refusing') {
        near.destroy();
        return;
      }
      const far = connect(target, '127.0.0.1');
      const pair = [near, far] as const;
      this.#pairs.add(pair);
      for (const [from, to] of [pair, [far, near] as const]) {
        from.on('data', (chunk: Buffer) => {
          // Half open: both ends believe in it, and nothing arrives.
          if (this.#way !== 'Silent') to.write(chunk);
        });
        from.on('error', () => {});
        from.on('close', () => {
          if (this.#way !== 'Silent') to.destroy();
          this.#pairs.delete(pair);
        });
      }
    });
  }

  static async to(port: number): Promise<CuttableProxy> {
    const proxy = new CuttableProxy(port);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  /** A kubeconfig like that one, by way of this proxy, written to that path. */
  kubeconfig(like: string, path: string): string {
    const { port } = this.#server.address() as AddressInfo;
    writeFileSync(path, readFileSync(like, 'utf8').replace(/(server: "https:\/\/127\.0\.0\.1:)\d+/, `$1${port}`));
    return path;
  }

  /** Ends all connections, and takes no new ones until `mend`. */
  cut(): void {
    this.#way = 'Refusing';
    this.#end();
  }

  /** What is connected stays so, and nothing gets through any more; connections made after `mend` are whole. */
  silence(): void {
    this.#way = 'Silent';
  }

  /** New connections get through; those that went silent are forgotten without a word to the client. */
  mend(): void {
    for (const [, far] of this.#pairs) far.removeAllListeners('close').destroy();
    this.#pairs.clear();
    this.#way = 'Open';
  }

  async close(): Promise<void> {
    this.#end();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #end(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
    this.#pairs.clear();
  }
}
