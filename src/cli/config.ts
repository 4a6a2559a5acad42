import { stat } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { decode } from '../apis/decode.ts';
import type { Diagnostic, LocatedDiagnostic } from '../apis/diagnostic.ts';
import { DiagnosticList } from '../apis/diagnostic-list.ts';
import { checkSchema } from '../apis/schema-errors.ts';
import { type Add, walkSchema } from '../apis/walk-schema.ts';
import type { BackendConfig, KubernetesConfig } from '../backends/backend-config.ts';
import { closest } from '../base/closest.ts';
import { parseQuantity } from '../base/quantity.ts';
import { fail, ok, type Result } from '../base/result.ts';
import type { Capacity } from './capacity.ts';
import { configSchema } from './config-schema.ts';
import { readText } from './documents.ts';
import type { Io } from './io.ts';
import { stopAtErrors } from './report.ts';

/** What a configuration file says, as far as this release acts on it. */
export interface Config {
  /** Of the backend called `process`. */
  readonly capacity: Capacity;
  /** All others. */
  readonly backends: readonly BackendConfig[];
}

const NOTHING: Config = { capacity: {}, backends: [] };

const NAME = 'config.yaml';
/** The type of which there is one backend, always. */
const PROCESS = 'process';
const KUBERNETES = 'kubernetes';
const SLURM = 'slurm';
const TYPES = [PROCESS, KUBERNETES, SLURM];

/**
 * The file of `--config`, else `config.yaml` in the state folder, else in `$XDG_CONFIG_HOME/fixpoint/`. Only a file
 * that was named must exist. What is wrong with it is shown at its place, and ends the command.
 */
export async function configOf(io: Io, named: string | undefined, stateDir: string): Promise<Config> {
  const file = named ?? (await findConfig(io, stateDir));
  if (file === undefined) return NOTHING;
  const read = readConfig(await readText(resolve(io.cwd, file)), file);
  if (read.ok) return read.value;
  await stopAtErrors(io, read.error, undefined);
  return NOTHING;
}

async function findConfig({ env }: Io, stateDir: string): Promise<string | undefined> {
  const home = env['XDG_CONFIG_HOME'] || (env['HOME'] ? join(env['HOME'], '.config') : undefined);
  const places = [join(stateDir, NAME), ...(home === undefined ? [] : [join(home, 'fixpoint', NAME)])];
  for (const place of places) if (await exists(place)) return place;
  return undefined;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** The text of a configuration file; an empty one says nothing. */
export function readConfig(text: string, file: string): Result<Config, readonly LocatedDiagnostic[]> {
  const { documents, diagnostics } = decode(text, file);
  if (diagnostics.length > 0) return fail(diagnostics);
  const [only, second] = documents;
  if (only === undefined) return ok(NOTHING);
  const found = new DiagnosticList<Diagnostic>();
  const add: Add = (code, path, message, more) => found.add({ severity: 'error', code, path, message, ...more });
  if (second !== undefined) add('E-CONFIG', [], 'a configuration file holds one document.');
  if (walkSchema(configSchema, only.value, [], add)) checkSchema(configSchema, only.value, [], add);
  if (found.items.length === 0) checkBackends(backendsOf(only.value), add);
  if (found.items.length > 0) return fail(found.items.map(only.locate));
  const entries = backendsOf(only.value);
  return ok({ capacity: capacityIn(entries), backends: entries.filter(isConfig) });
}

interface BackendEntry {
  readonly name: string;
  readonly type: string;
  readonly cpus?: number | string;
  readonly memory?: number | string;
  readonly gpus?: number;
}

type Entry = BackendEntry & Partial<Omit<KubernetesConfig, 'type' | 'name'>>;

function isConfig(entry: Entry): entry is Entry & BackendConfig {
  return entry.type !== PROCESS;
}

function backendsOf(value: unknown): readonly Entry[] {
  return (value as { readonly backends?: readonly Entry[] }).backends ?? [];
}

function checkBackends(backends: readonly Entry[], add: Add): void {
  for (const [index, entry] of backends.entries()) {
    const { name, type, cpus, memory } = entry;
    const path = ['backends', index];
    if (!TYPES.includes(type)) {
      const near = closest(type, TYPES);
      add(
        'E-BACKEND',
        [...path, 'type'],
        `${JSON.stringify(type.slice(0, 80))} is no type of backend; there is ${TYPES.join(', ')}.`,
        near === undefined ? {} : { hint: `Did you mean ${near}?` },
      );
    } else if ((type === PROCESS) !== (name === PROCESS)) {
      add('E-BACKEND', [...path, 'name'], `there is one ${PROCESS} backend, and it is called ${PROCESS}.`);
    } else {
      checkFields(entry, path, add);
    }
    for (const [field, amount] of [
      ['cpus', cpus],
      ['memory', memory],
    ] as const) {
      const parsed = amount === undefined ? undefined : parseQuantity(String(amount));
      if (parsed?.ok === true && parsed.value <= 0) add('E-RANGE', [...path, field], 'must be more than nothing.');
    }
  }
}

const FIELDS: Readonly<Record<string, readonly string[]>> = {
  [PROCESS]: ['cpus', 'memory', 'gpus'],
  [KUBERNETES]: ['kubeconfig', 'context', 'namespace', 'image', 'serviceAccount', 'maxPods', 'volume'],
  [SLURM]: [],
};

/** Fields are those of its type, and what it cannot do without is there. */
function checkFields(entry: Entry, path: readonly (string | number)[], add: Add): void {
  const { type, volume } = entry;
  const own = ['name', 'type', ...(FIELDS[type] ?? [])];
  for (const field of Object.keys(entry))
    if (!own.includes(field)) add('E-BACKEND', [...path, field], `a backend of type ${type} has no ${field}.`);
  if (type !== KUBERNETES) return;
  if (volume === undefined)
    add(
      'E-REQUIRED',
      path,
      'volume is missing: the folder that pods and this machine share, for example {mountPath: /data}.',
    );
  else if (!isAbsolute(volume.mountPath))
    add('E-BACKEND', [...path, 'volume', 'mountPath'], 'must be an absolute path.');
  else if (volume.hostPath !== undefined && volume.claimName !== undefined)
    add('E-BACKEND', [...path, 'volume', 'claimName'], 'a volume is either a hostPath or a claim.');
}

function capacityIn(backends: readonly BackendEntry[]): Capacity {
  const entry = backends.find((backend) => backend.name === PROCESS);
  const amount = (value: number | string | undefined): number | undefined => {
    const parsed = value === undefined ? undefined : parseQuantity(String(value));
    return parsed?.ok === true ? parsed.value : undefined;
  };
  const cpus = amount(entry?.cpus);
  const memoryBytes = amount(entry?.memory);
  return {
    ...(cpus === undefined ? {} : { cpus }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(entry?.gpus === undefined ? {} : { gpus: entry.gpus }),
  };
}
