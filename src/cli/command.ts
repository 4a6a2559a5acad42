import { DEFAULT_NAMESPACE } from '../apis/meta.ts';
import type { WorkflowRef } from '../controllers/home.ts';
import { usage } from './exit-code.ts';
import type { Io } from './io.ts';
import type { WhereOptions } from './locate-state.ts';

/** What a command gets: its words and flags as text; what they mean is checked when they are read. */
export class CommandContext {
  readonly io: Io;
  readonly name: string;
  readonly words: readonly string[];
  readonly #options: Readonly<Record<string, unknown>>;

  constructor(io: Io, name: string, words: readonly string[], options: Readonly<Record<string, unknown>>) {
    this.io = io;
    this.name = name;
    this.words = words;
    this.#options = options;
  }

  text(option: string): string | undefined {
    const value = this.#options[option];
    return typeof value === 'string' ? value : undefined;
  }

  flag(option: string): boolean {
    return this.#options[option] === true;
  }

  /** False only where the user said so: `--no-retry`, `--follow=false`. */
  flagOr(option: string, otherwise: boolean): boolean {
    const value = this.#options[option];
    if (value === undefined) return otherwise;
    if (value === true || value === 'true') return true;
    if (value === false || value === 'false') return false;
    throw usage(`--${option}: write true or false`);
  }

  list(option: string): readonly string[] {
    const value = this.#options[option];
    return Array.isArray(value) ? (value as string[]) : [];
  }

  /** A whole number ≥ 0. */
  count(option: string): number | undefined {
    const text = this.text(option);
    if (text === undefined) return undefined;
    if (!/^\d{1,9}$/.test(text)) throw usage(`--${option}: ${JSON.stringify(text)} is no whole number`);
    return Number(text);
  }

  oneOf<T extends string>(option: string, allowed: readonly T[]): T | undefined {
    const text = this.text(option);
    if (text === undefined) return undefined;
    if ((allowed as readonly string[]).includes(text)) return text as T;
    throw usage(`-o ${text}: not offered here. Possible: ${allowed.join(', ')}`);
  }

  get where(): WhereOptions {
    return {
      server: this.text('server'),
      state: this.text('state'),
      kubeconfig: this.text('kubeconfig'),
      context: this.text('context'),
    };
  }

  get namespace(): string {
    return this.text('namespace') ?? DEFAULT_NAMESPACE;
  }

  /** The workflow that the word at `index` names. */
  workflow(index = 0): WorkflowRef {
    const name = this.words[index];
    if (name === undefined || name === '') throw usage(`${this.name}: which workflow?`);
    return { namespace: this.namespace, name };
  }
}

export type CommandRun = (context: CommandContext) => Promise<number>;
