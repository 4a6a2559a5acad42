import type { Capacity } from '../backends/backend.ts';
import { parseWalltime } from '../base/duration.ts';
import { formatBytes, parseQuantity } from '../base/quantity.ts';
import { fail, ok, type Result } from '../base/result.ts';
import type { Scope } from '../expressions/scope.ts';
import { renderText } from '../expressions/template.ts';
import type { TaskTemplate } from '../graph/template.ts';
import type { Needs } from '../planning/record.ts';

/** One core, and no claim on memory or time, where a task says nothing. */
export const DEFAULT_NEEDS: Needs = { cpu: 1, memoryBytes: 0, gpu: 0, walltimeMs: 0 };

/** Evaluates `resources` of the next attempt. An error names the field and what came out of it. */
export function needsOf(template: TaskTemplate, scope: Scope): Result<Needs, string> {
  const values: Record<'cpu' | 'memory' | 'gpu' | 'walltime', number | undefined> = {
    cpu: undefined,
    memory: undefined,
    gpu: undefined,
    walltime: undefined,
  };
  for (const name of ['cpu', 'memory', 'gpu', 'walltime'] as const) {
    const raw = template.spec.resources?.[name];
    if (raw === undefined) continue;
    const text = typeof raw === 'number' ? ok(String(raw)) : render(template, name, scope);
    if (!text.ok) return text;
    const value = name === 'walltime' ? parseWalltime(text.value) : parseQuantity(text.value);
    if (!value.ok) return fail(`resources.${name}: ${text.value}: ${value.error}`);
    if (value.value < 0) return fail(`resources.${name} is negative: ${text.value}`);
    values[name] = value.value;
  }
  return ok({
    cpu: values.cpu ?? DEFAULT_NEEDS.cpu,
    memoryBytes: Math.ceil(values.memory ?? DEFAULT_NEEDS.memoryBytes),
    gpu: Math.ceil(values.gpu ?? DEFAULT_NEEDS.gpu),
    walltimeMs: values.walltime ?? DEFAULT_NEEDS.walltimeMs,
  });
}

function render(template: TaskTemplate, name: string, scope: Scope): Result<string, string> {
  const field = template.resources.find((r) => r.name === name);
  if (!field) return fail(`resources.${name} is not text`);
  const text = renderText(field.template, scope);
  return text.ok ? text : fail(`resources.${name}: ${text.error}`);
}

/** What can never fit, in words; undefined: it can. */
export function beyond(needs: Needs, capacity: Capacity): string | undefined {
  if (needs.cpu > capacity.cpu) return `asks for ${needs.cpu} cores, there are ${capacity.cpu}`;
  if (needs.memoryBytes > capacity.memoryBytes)
    return `asks for ${formatBytes(needs.memoryBytes)} of memory, there are ${formatBytes(capacity.memoryBytes)}`;
  if (needs.gpu > capacity.gpu) return `asks for ${needs.gpu} GPUs, there are ${capacity.gpu}`;
  return undefined;
}
