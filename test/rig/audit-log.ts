import { closeSync, openSync, readSync, statSync, writeFileSync } from 'node:fs';

// What an API server was asked to write, as it noted it itself before it answered. It outlives the server, and every watch.

export interface Write {
  readonly verb: 'create' | 'update' | 'patch' | 'delete';
  readonly resource: string;
  readonly name: string;
  /** Of the token by which it was asked: processes with the same rights have different ones. */
  readonly credential: string;
  readonly agent: string;
  /** Milliseconds; when it was answered. */
  readonly time: number;
  readonly code: number;
}

interface Line {
  readonly verb: Write['verb'];
  readonly user: { readonly extra?: Readonly<Record<string, readonly string[]>> };
  readonly userAgent?: string;
  readonly objectRef?: { readonly resource: string; readonly name?: string; readonly subresource?: string };
  readonly responseStatus?: { readonly code: number };
  readonly stageTimestamp: string;
}

/** Flags for a kube-apiserver that notes every write here, and nothing else. */
export function notesWrites(log: string): string {
  const policy = `${log}.policy.json`;
  const verbs = ['create', 'update', 'patch', 'delete', 'deletecollection'];
  writeFileSync(
    policy,
    JSON.stringify({
      apiVersion: 'audit.k8s.io/v1',
      kind: 'Policy',
      omitStages: ['RequestReceived', 'ResponseStarted'],
      rules: [{ level: 'Metadata', verbs }, { level: 'None' }],
    }),
  );
  // One file, however long.
  return `--audit-policy-file=${policy} --audit-log-path=${log} --audit-log-maxsize=100000`;
}

/** Writes in one namespace, from now on. */
export class AuditLog {
  readonly #path: string;
  readonly #from: number;
  readonly #namespace: string;

  constructor(path: string, namespace: string) {
    this.#path = path;
    this.#namespace = namespace;
    this.#from = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Names of all pods that ever were: whoever had any part of one written names it. */
  get pods(): ReadonlySet<string> {
    const written = this.asked.filter(({ resource, name }) => /^pods(\/|$)/.test(resource) && name !== '');
    return new Set(written.map(({ name }) => name));
  }

  /** Refused ones, too, and those whose outcome the server did not know itself. */
  get asked(): Write[] {
    const mark = `"namespace":"${this.#namespace}"`;
    const lines = this.#text().split('\n').slice(0, -1);
    return lines.filter((line) => line.includes(mark)).map((line) => writeOf(JSON.parse(line) as Line));
  }

  get carriedOut(): Write[] {
    return this.asked.filter(({ code }) => code < 300);
  }

  #text(): string {
    const file = openSync(this.#path, 'r');
    try {
      const size = statSync(this.#path).size - this.#from;
      if (size < 0) throw new Error(`${this.#path} is another file than it was`);
      const bytes = Buffer.alloc(size);
      readSync(file, bytes, 0, size, this.#from);
      return bytes.toString('utf8');
    } finally {
      closeSync(file);
    }
  }
}

function writeOf({ verb, user, userAgent = '', objectRef, responseStatus, stageTimestamp }: Line): Write {
  const { resource = '', name = '', subresource } = objectRef ?? {};
  return {
    verb,
    resource: subresource === undefined ? resource : `${resource}/${subresource}`,
    name,
    credential: user.extra?.['authentication.kubernetes.io/credential-id']?.[0] ?? '',
    agent: userAgent,
    time: Date.parse(stageTimestamp),
    code: responseStatus?.code ?? 0,
  };
}
