import type { Result } from '../base/result.ts';
import type { Tls } from './connections.ts';

/** Who we are to an API server, at this moment. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  /** The same object as long as nothing in it has changed. */
  readonly tls: Tls;
}

/** Where credentials come from: a kubeconfig or a pod's own files. */
export interface Access {
  readonly server: string;
  readonly context: string;
  readonly namespace: string | undefined;
  /** From the source itself. May take as long as a credential plugin does. */
  read(): Promise<Result<ReadCredentials, string>>;
}

export interface ReadCredentials extends Credentials {
  /** How long they are good, in milliseconds from now; undefined: for as long as files are trusted. */
  readonly goodForMs: number | undefined;
}
