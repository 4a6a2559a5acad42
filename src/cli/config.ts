import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { decode } from '../apis/decode.ts';
import type { Diagnostic, LocatedDiagnostic } from '../apis/diagnostic.ts';
import { DiagnosticList } from '../apis/diagnostic-list.ts';
import { checkSchema } from '../apis/schema-errors.ts';
import { type Add, walkSchema } from '../apis/walk-schema.ts';
import { closest } from '../base/closest.ts';
import { parseQuantity } from '../base/quantity.ts';
import { fail, ok, type Result } from '../base/result.ts';
import type { Capacity } from './capacity.ts';
import type { CommandContext } from './command.ts';
import { configSchema } from './config-schema.ts';
import { readText } from './documents.ts';
import { stopAtErrors } from './report.ts';

/** What a configuration file says, as far as this release acts on it. */
export interface Config {
  /** Of the backend called `process`. */
  readonly capacity: Capacity;
}

const NAME = 'config.yaml';
/** The one type of this release, and the one backend of it. */
const PROCESS = 'process';
const LATER_TYPES = ['kubernetes', 'slurm'];

/**
 * The file of `--config`, else `config.yaml` in the state folder, else in `$XDG_CONFIG_HOME/fixpoint/`. Only a file
 * that was named must exist. What is wrong with it is shown at its place, and ends the command.
 */
export async function configOf(context: CommandContext, stateDir: string): Promise<Config> {
  const { io } = context;
  const file = await findConfig(context, stateDir);
  if (file === undefined) return { capacity: {} };
  const read = readConfig(await readText(resolve(io.cwd, file)), file);
  if (read.ok) return read.value;
  await stopAtErrors(io, read.error, undefined);
  return { capacity: {} };
}

async function findConfig(context: CommandContext, stateDir: string): Promise<string | undefined> {
  const named = context.text('config');
  if (named !== undefined) return named;
  const { env } = context.io;
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
  if (only === undefined) return ok({ capacity: {} });
  const found = new DiagnosticList<Diagnostic>();
  const add: Add = (code, path, message, more) => found.add({ severity: 'error', code, path, message, ...more });
  if (second !== undefined) add('E-CONFIG', [], 'a configuration file holds one document.');
  if (walkSchema(configSchema, only.value, [], add)) checkSchema(configSchema, only.value, [], add);
  if (found.items.length === 0) checkBackends(backendsOf(only.value), add);
  if (found.items.length > 0) return fail(found.items.map(only.locate));
  return ok({ capacity: capacityIn(backendsOf(only.value)) });
}

interface BackendEntry {
  readonly name: string;
  readonly type: string;
  readonly cpus?: number | string;
  readonly memory?: number | string;
  readonly gpus?: number;
}

function backendsOf(value: unknown): readonly BackendEntry[] {
  return (value as { readonly backends?: readonly BackendEntry[] }).backends ?? [];
}

function checkBackends(backends: readonly BackendEntry[], add: Add): void {
  for (const [index, { name, type, cpus, memory }] of backends.entries()) {
    const path = ['backends', index];
    if (type !== PROCESS) {
      const later = LATER_TYPES.includes(type);
      const near = closest(type, [PROCESS]);
      add(
        'E-BACKEND',
        [...path, 'type'],
        `${JSON.stringify(type.slice(0, 80))} is ${later ? 'not in this release' : 'no type of backend'}; there is ${PROCESS} only.`,
        near === undefined ? {} : { hint: `Did you mean ${near}?` },
      );
    } else if (name !== PROCESS) {
      add('E-BACKEND', [...path, 'name'], `this release has one ${PROCESS} backend, and it is called ${PROCESS}.`);
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
