import { closest } from '../base/closest.ts';
import type { SchemaNode } from './schema-node.ts';
import { foreachSchema, outputSchema, resourcesSchema } from './task-parts-schema.ts';
import { taskDefaultsSchema, taskSchema } from './task-schema.ts';
import { outerSpecSchema } from './workflow-schema.ts';

/** Fields that the language has and this release has not. A field moves into the schema when it works. */
const LATER: ReadonlyMap<SchemaNode, readonly string[]> = new Map<SchemaNode, readonly string[]>([
  [
    outerSpecSchema,
    words('vars presets finally outputs results workspace deadline ttlAfterFinished hooks locks throttle'),
  ],
  [
    taskSchema,
    words(
      'preset steps tasks template results when loop expand resetPolicy locks handlers corrections validators checkpoint deadline tags cache defaults',
    ),
  ],
  [outputSchema, words('temporary from')],
  [resourcesSchema, words('disk gpuType nodes ranksPerNode launch')],
  [foreachSchema, words('wildcards as where by batch minSuccess stopWhen')],
  [foreachSchema.properties.rows, words('configMapKeyRef')],
]);

/** What other systems call a field, in lower case without `_` and `-`, and what to write here. */
const TASK_WORDS: ReadonlyMap<string, string> = new Map([
  ['needs', 'dependsOn'],
  ['depends', 'dependsOn'],
  ['deps', 'dependsOn'],
  ['dependencies', 'dependsOn'],
  ['requires', 'dependsOn'],
  ['upstream', 'dependsOn'],
  ['before', 'requiredBy'],
  ['script', 'run'],
  ['bash', 'run'],
  ['exec', 'run'],
  ['source', 'run'],
  ['commands', 'run'],
  ['cmd', 'command'],
  ['argv', 'command'],
  ['arguments', 'args'],
  ['environment', 'env'],
  ['envvars', 'env'],
  ['id', 'name'],
  ['cwd', 'workdir'],
  ['dir', 'workdir'],
  ['directory', 'workdir'],
  ['workingdir', 'workdir'],
  ['workingdirectory', 'workdir'],
  ['cpu', 'resources: {cpu: …}'],
  ['cpus', 'resources: {cpu: …}'],
  ['threads', 'resources: {cpu: …}'],
  ['mem', 'resources: {memory: …}'],
  ['memory', 'resources: {memory: …}'],
  ['gpu', 'resources: {gpu: …}'],
  ['gpus', 'resources: {gpu: …}'],
  ['time', 'resources: {walltime: …}'],
  ['timeout', 'resources: {walltime: …}'],
  ['walltime', 'resources: {walltime: …}'],
  ['activedeadlineseconds', 'resources: {walltime: …}'],
  ['retries', 'retry: {limit: …}'],
  ['maxretries', 'retry: {limit: …}'],
  ['retrystrategy', 'retry: {limit: …}'],
  ['backofflimit', 'retry: {limit: …}'],
  ['errorstrategy', 'retry, allowFailure or spec.failurePolicy'],
  ['continueon', 'allowFailure'],
  ['continueonerror', 'allowFailure'],
  ['ignoreerrors', 'allowFailure'],
  ['withitems', 'foreach: {items: …}'],
  ['items', 'foreach: {items: …}'],
  ['withparam', 'foreach: {itemsFrom: …}'],
  ['withsequence', 'foreach: {range: …}'],
  ['matrix', 'foreach: {matrix: …}'],
  ['strategy', 'foreach: {matrix: …}'],
  ['scatter', 'foreach'],
  ['executor', 'backend'],
  ['queue', 'backend'],
  ['container', 'image'],
  ['if', 'when, which this release does not have'],
]);

const SPEC_WORDS: ReadonlyMap<string, string> = new Map([
  ['parameters', 'params'],
  ['arguments', 'params'],
  ['config', 'params'],
  ['steps', 'tasks'],
  ['jobs', 'tasks'],
  ['nodes', 'tasks'],
  ['processes', 'tasks'],
  ['rules', 'tasks'],
  ['dag', 'tasks'],
  ['templates', 'tasks'],
  ['maxparallel', 'parallelism'],
  ['suspended', 'suspend'],
  ['paused', 'suspend'],
]);

const RESOURCE_WORDS: ReadonlyMap<string, string> = new Map([
  ['cpus', 'cpu'],
  ['threads', 'cpu'],
  ['cores', 'cpu'],
  ['mem', 'memory'],
  ['ram', 'memory'],
  ['gpus', 'gpu'],
  ['time', 'walltime'],
  ['timelimit', 'walltime'],
  ['requests', 'the amounts themselves: resources: {cpu: 2, memory: 4Gi}'],
  ['limits', 'the amounts themselves: resources: {cpu: 2, memory: 4Gi}'],
]);

/** What was meant by a field that the schema does not have: the message, and a hint where there is a guess. */
export function unknownField(
  schema: SchemaNode,
  field: string,
): { readonly message: string; readonly hint?: string | undefined } {
  if (LATER.get(schema)?.includes(field) === true)
    return { message: `unknown field: this release does not have ${field}.` };
  const message = 'unknown field.';
  const synonyms = synonymsOf(schema);
  const known = Object.keys(schema.properties ?? {});
  const written = field.length <= 64 ? field.replace(/[-_]/g, '').toLowerCase() : '';
  // The exact word of another system, then a field with a typing mistake, then such a word with one.
  const meant =
    synonyms?.get(written) ?? closest(field, known) ?? synonyms?.get(closest(written, synonyms.keys()) ?? '');
  if (meant !== undefined) return { message, hint: meant.includes(' ') ? `Write ${meant}.` : `Did you mean ${meant}?` };
  return { message, hint: known.length <= 12 ? `Known here: ${known.join(', ')}.` : undefined };
}

function synonymsOf(schema: SchemaNode): ReadonlyMap<string, string> | undefined {
  if (schema === taskSchema || schema === taskDefaultsSchema) return TASK_WORDS;
  if (schema === outerSpecSchema) return SPEC_WORDS;
  if (schema === resourcesSchema) return RESOURCE_WORDS;
  return undefined;
}

function words(text: string): readonly string[] {
  return text.split(' ');
}
