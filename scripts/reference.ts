import { readFileSync, writeFileSync } from 'node:fs';
import { FAILURE_REASONS, INFRASTRUCTURE_REASONS } from '../src/apis/reasons.ts';
import type { SchemaNode } from '../src/apis/schema-node.ts';
import { workflowStatusSchema } from '../src/apis/status-schema.ts';
import { taskDefaultsSchema } from '../src/apis/task-schema.ts';
import { workflowSpecSchema } from '../src/apis/workflow-schema.ts';
import { formatDuration } from '../src/base/duration.ts';
import * as limits from '../src/base/limits.ts';
import { formatBytes } from '../src/base/quantity.ts';
import { COMMANDS, type CommandSpec } from '../src/cli/command-table.ts';
import { configSchema } from '../src/cli/config-schema.ts';

// Writes the generated parts of docs/: what stands between `<!-- generated: NAME -->` and `<!-- end -->`. With --check it
// writes nothing and exits 1 if one of them is stale. All else in those pages is written by hand.
const folder = new URL('../docs/', import.meta.url);
const BLOCK = /(<!-- generated: ([a-z-]+) -->\n)[\s\S]*?(<!-- end -->)/g;

const makers: ReadonlyMap<string, () => string> = new Map([
  ['spec', () => schemaSections('spec', workflowSpecSchema)],
  ['status', () => fieldTable(workflowStatusSchema)],
  ['reasons', reasons],
  [
    'commands',
    () =>
      COMMANDS.filter((command) => command.hidden === undefined)
        .map(commandSection)
        .join('\n\n'),
  ],
  ['config', () => fieldTable(configSchema.properties.backends.items)],
  ['limits', limitTable],
]);

const made = new Set<string>();
for (const page of ['language.md', 'cli.md', 'operations.md', 'limits.md']) {
  const path = new URL(page, folder);
  const before = readFileSync(path, 'utf8');
  const after = before.replace(BLOCK, (_, begin: string, name: string, end: string) => {
    const make = makers.get(name);
    if (make === undefined) throw new Error(`docs/${page}: nothing generates ${name}`);
    made.add(name);
    return `${begin}\n${make()}\n\n${end}`;
  });
  if (after === before) continue;
  if (process.argv.includes('--check')) {
    console.error(`docs/${page} is stale: run npx tsx scripts/reference.ts`);
    process.exitCode = 1;
  } else writeFileSync(path, after);
}
const unused = [...makers.keys()].filter((name) => !made.has(name));
if (unused.length > 0) throw new Error(`no page has a place for ${unused.join(', ')}`);

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}

/** One table for each object of the schema, outer ones first. */
function schemaSections(root: string, node: SchemaNode): string {
  const sections: string[] = [];
  const queue: { readonly path: string; readonly node: SchemaNode }[] = [{ path: root, node }];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { path, node: object } = next;
    if (object === (taskDefaultsSchema as SchemaNode)) continue;
    sections.push(`### \`${path}\`\n\n${object.description}\n\n${fieldTable(object)}`);
    const inner: typeof queue = [];
    for (const [name, child] of Object.entries(object.properties ?? {})) {
      const element = child.items ?? child;
      const place = `${path}.${name}${child.items === undefined ? '' : '[]'}`;
      if (element.properties !== undefined) inner.push({ path: place, node: element });
    }
    queue.unshift(...inner);
  }
  return sections.join('\n\n');
}

function fieldTable(node: SchemaNode): string {
  const required = new Set(node.required);
  const rows = Object.entries(node.properties ?? {}).map(([name, child]) => [
    `\`${name}\`${required.has(name) ? ' *' : ''}`,
    typeText(child),
    child === (taskDefaultsSchema as SchemaNode)
      ? `${child.description} They are ${names(Object.keys(child.properties ?? {}))}.`
      : `${child.description}${rangeText(child)}`,
  ]);
  return table(['field', 'type', 'meaning'], rows);
}

function typeText(node: SchemaNode): string {
  if (node.enum !== undefined) return node.enum.map((word) => `\`${word}\``).join(' ');
  if (node['x-kubernetes-int-or-string'] === true) return 'int or text';
  if (node.items !== undefined) {
    const kind = node['x-kubernetes-list-type'] === 'set' ? 'set of ' : 'list of ';
    return kind + (node.items.properties === undefined ? typeText(node.items) : 'objects');
  }
  if (node.additionalProperties !== undefined) return `map to ${typeText(node.additionalProperties)}`;
  if (node.type === 'object') return node.properties === undefined ? 'map to any JSON' : 'object';
  if (node.type === undefined) return 'any JSON';
  if (node.type !== 'string') return { integer: 'int', number: 'number', boolean: 'bool', array: 'list' }[node.type];
  return node['x-fixpoint-text'] ?? 'string';
}

function rangeText(node: SchemaNode): string {
  const { minimum, maximum } = node;
  // The ends of 32 bits say nothing to a reader.
  if (minimum === undefined || Math.abs(minimum) > 2 ** 30) return '';
  return maximum === undefined ? ` Allowed: from ${minimum}.` : ` Allowed: ${minimum} to ${maximum}.`;
}

function names(words: readonly string[]): string {
  return words.map((word) => `\`${word}\``).join(', ');
}

function reasons(): string {
  return `A failure of the task, which \`retry.reasons\` may name: ${names(FAILURE_REASONS)}.\n\nA failure of the infrastructure, with a budget of its own: ${names(INFRASTRUCTURE_REASONS)}.`;
}

function commandSection(command: CommandSpec): string {
  const words = (command.words ?? []).map(({ pattern }) => ` ${pattern}`).join('');
  const rows = [
    ...(command.words ?? []).map(({ pattern, meaning }) => [`\`${pattern}\``, meaning]),
    ...command.options.map(({ flags, meaning }) => [`\`${flags}\``, meaning]),
  ];
  const head = `### \`fixpoint ${command.name}${words}\`\n\n${sentence(command.summary)}`;
  return rows.length === 0 ? head : `${head}\n\n${table(['', ''], rows)}`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** Every exported constant with the comment above it, in the order of the file. */
function limitTable(): string {
  const source = readFileSync(new URL('../src/base/limits.ts', import.meta.url), 'utf8');
  const values: Readonly<Record<string, unknown>> = limits;
  const rows = [...source.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport const (\w+)/g)].map((match) => {
    const [, comment = '', name = ''] = match;
    return [`\`${name}\``, limitText(name, values[name]), comment.replace(/\s*\n\s*\*\s*/g, ' ').trim()];
  });
  const missing = Object.keys(values).length - rows.length;
  if (missing !== 0) throw new Error(`${missing} limits have no comment right above them`);
  return table(['name', 'value', 'what and why'], rows);
}

function limitText(name: string, value: unknown): string {
  if (typeof value !== 'number') throw new Error(`${name} is no number`);
  if (name.endsWith('_BYTES'))
    return value < 1024 ? `${value} bytes` : `${formatBytes(value).replace(/([KMG]i)$/, ' $1B')}`;
  if (name.endsWith('_MS')) return formatDuration(value);
  if (name.endsWith('_MB')) return `${value} MiB`;
  return value.toLocaleString('en-US');
}
