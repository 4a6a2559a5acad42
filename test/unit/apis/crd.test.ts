import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { workflowCrd } from '../../../src/apis/crd.ts';
import { decode } from '../../../src/apis/decode.ts';
import { editorSchema } from '../../../src/apis/json-schema.ts';
import { EVERYTHING, SMALL, workflow } from './documents.ts';

type Node = Readonly<Record<string, unknown>>;

const crd = workflowCrd();
const version = (crd['spec'] as { versions: { schema: { openAPIV3Schema: Node } }[] }).versions[0];
const root = version?.schema.openAPIV3Schema ?? {};

function* nodes(node: Node, path = ''): Generator<readonly [string, Node]> {
  yield [path, node];
  for (const [key, child] of Object.entries((node['properties'] ?? {}) as Record<string, Node>))
    yield* nodes(child, `${path}.${key}`);
  if (node['items'] !== undefined) yield* nodes(node['items'] as Node, `${path}[]`);
  if (typeof node['additionalProperties'] === 'object') yield* nodes(node['additionalProperties'] as Node, `${path}.*`);
}

const all = [...nodes(root)];

test('what is checked in is what the schema says', () => {
  const folder = new URL('../../../crds/', import.meta.url);
  expect(parse(readFileSync(new URL('fixpoint.dev_workflows.yaml', folder), 'utf8'))).toEqual(
    JSON.parse(JSON.stringify(crd)),
  );
  expect(JSON.parse(readFileSync(new URL('workflow.schema.json', folder), 'utf8'))).toEqual(
    JSON.parse(JSON.stringify(editorSchema())),
  );
});

test.each(all)('structural: %s', (path, node) => {
  const free = node['x-kubernetes-int-or-string'] === true || node['x-kubernetes-preserve-unknown-fields'] === true;
  if (!free) expect(node['type']).toBeTypeOf('string');
  if (node['x-kubernetes-int-or-string'] === true) expect(node['type']).toBeUndefined();
  // Pruning does what `additionalProperties: false` would; beside properties it is forbidden.
  expect(node['additionalProperties'] === undefined || node['properties'] === undefined).toBe(true);
  expect(node['additionalProperties']).not.toBe(false);
  for (const word of Object.keys(node))
    expect(word).not.toMatch(/^(\$ref|\$defs|const|not|oneOf|allOf|patternProperties|uniqueItems|x-fixpoint-.*)$/);
  if (!path.startsWith('.spec') && !path.startsWith('.status')) return;
  expect(node['description']).toBeTypeOf('string');
  if (node['x-kubernetes-list-type'] === 'map') {
    const item = node['items'] as { required: string[]; properties: Record<string, Node> };
    const keys = node['x-kubernetes-list-map-keys'] as string[];
    for (const key of keys) {
      expect(item.required).toContain(key);
      expect(item.properties[key]?.['type']).toBe('string');
    }
  }
  if (node['type'] === 'array') expect(node['x-kubernetes-list-type']).toMatch(/^(map|set|atomic)$/);
  // What has no end may be any size, and a rule over it any cost.
  if (!path.startsWith('.spec')) return;
  if (node['type'] === 'array') expect(node['maxItems']).toBeTypeOf('number');
  if (
    node['type'] === 'string' &&
    node['enum'] === undefined &&
    !/^\^\(\?:\w+(?:\|\w+)*\)\$$/.test(String(node['pattern']))
  )
    expect(node['maxLength']).toBeTypeOf('number');
  if (node['type'] === 'object' && node['properties'] === undefined) expect(node['maxProperties']).toBeTypeOf('number');
});

test.each(all)('a null is absent, where anything may be absent: %s', (path, node) => {
  const required = new Set((node['required'] ?? []) as string[]);
  if (!path.startsWith('.spec')) return;
  for (const [key, child] of Object.entries((node['properties'] ?? {}) as Record<string, Node>))
    expect(`${key} ${child['nullable'] === true}`).toBe(`${key} ${!required.has(key)}`);
  // The API server lets no null pass an enum.
  if (node['nullable'] === true) expect(node['enum']).toBeUndefined();
});

test('nothing that an operator may write is refused: of the status only what the keys of lists need is required', () => {
  const status = all.filter(([path]) => path.startsWith('.status'));
  expect(status.length).toBeGreaterThan(20);
  expect(status.flatMap(([path, node]) => (node['required'] === undefined ? [] : [[path, node['required']]]))).toEqual([
    ['.status.conditions[]', ['type']],
  ]);
  expect(status.filter(([, node]) => node['enum'] !== undefined)).toEqual([]);
});

test('kubectl apply has room for it: annotations end at 256 KiB', () => {
  expect(JSON.stringify(crd).length).toBeLessThan(128 * 1024);
});

test('every description is a sentence or a few', () => {
  const described = all.filter(([, node]) => node['description'] !== undefined);
  expect(described.length).toBeGreaterThan(100);
  for (const [, node] of described) expect(String(node['description'])).toMatch(/^[A-Z*].*[.\w>}]$/s);
});

test('the editor schema takes what is valid and names what is not', () => {
  const validate = new Ajv({ strict: false, logger: false }).compile(editorSchema());
  const value = (text: string): unknown => decode(text, 'a.yaml').documents[0]?.value;
  expect(validate(value(EVERYTHING))).toBe(true);
  expect(validate(value(SMALL))).toBe(true);
  expect(validate(value(workflow('tasks: [{name: a, nonsense: 1}]')))).toBe(false);
  expect(validate(value(workflow('tasks: []')))).toBe(false);
});

test('names, columns and short name that people type', () => {
  expect(crd).toMatchObject({
    metadata: { name: 'workflows.fixpoint.dev' },
    spec: { names: { shortNames: ['fwf'], categories: ['fixpoint'] }, versions: [{ subresources: { status: {} } }] },
  });
});
