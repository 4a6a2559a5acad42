import { DEFAULT_FILE_TYPE, fingerprintOf } from '../apis/defaults.ts';
import type { Fingerprint, OutputSpec, WorkflowSpec } from '../apis/workflow.ts';
import type { GraphOutput } from './graph.ts';
import { pathFrom } from './paths.ts';

/** One declared output of a template, the same for all its elements. */
export interface DeclaredOutput extends Omit<GraphOutput, 'path' | 'relative'> {
  /** The workflow's. */
  readonly workdir: string;
}

export function declaredOutput(spec: WorkflowSpec, declared: OutputSpec, workdir: string): DeclaredOutput {
  return {
    name: declared.name,
    form: declared.path === undefined ? 'glob' : 'path',
    type: declared.type ?? DEFAULT_FILE_TYPE,
    optional: declared.optional ?? false,
    keepPartial: declared.keepPartial ?? false,
    fingerprint: fingerprintOf(spec, declared),
    spec: declared,
    workdir,
  };
}

/** A declared output of one element: only its path is its own, the rest is shared. There is one for every file of a workflow. */
export class BoundOutput implements GraphOutput {
  readonly #declared: DeclaredOutput;
  readonly path: string;

  constructor(declared: DeclaredOutput, path: string) {
    this.#declared = declared;
    this.path = path;
  }

  get name(): string {
    return this.#declared.name;
  }

  get form(): 'path' | 'glob' {
    return this.#declared.form;
  }

  get relative(): string {
    return pathFrom(this.#declared.workdir, this.path);
  }

  get type(): 'File' | 'Directory' {
    return this.#declared.type;
  }

  get optional(): boolean {
    return this.#declared.optional;
  }

  get keepPartial(): boolean {
    return this.#declared.keepPartial;
  }

  get fingerprint(): Fingerprint {
    return this.#declared.fingerprint;
  }

  get spec(): OutputSpec {
    return this.#declared.spec;
  }

  get glob(): boolean {
    return this.form === 'glob';
  }
}
