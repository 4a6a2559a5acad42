import { parseAst } from 'vitest/node';

// Where a module changes the world outside of its process, by what it imports and calls, and whether a fail point stands in
// the same function: a method, or a function of the module, with all that is written inside it.

export interface Effect {
  /** From 1. */
  readonly line: number;
  readonly what: string;
  readonly hasPoint: boolean;
}

/** What modules export that changes something; each also with `Sync` behind it. What opens is looked at by its flags. */
const FILE_EFFECTS =
  'appendFile chmod chown copyFile cp createWriteStream fchmod fchown fdatasync fsync ftruncate futimes lchmod lchown link lutimes mkdir mkdtemp rename rm rmdir symlink truncate unlink utimes write writeFile writev';
const STARTS = 'exec execFile fork spawn';
const EFFECTS_OF: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries({
    'node:fs': FILE_EFFECTS,
    'node:fs/promises': FILE_EFFECTS,
    'node:child_process': STARTS,
    execa: 'execa execaCommand execaNode execaSync execaCommandSync $',
  }).map(([module, names]) => [module, new Set(names.split(' ').flatMap((name) => [name, `${name}Sync`]))]),
);
const OPENS: ReadonlySet<string> = new Set(['open', 'openSync']);

/** Methods, and what the expression before them ends in. */
const METHODS: readonly { readonly of: RegExp; readonly names: ReadonlySet<string> }[] = [
  {
    of: /(?:^|\W)(?:file|folder|handle)$/i,
    names: new Set(['appendFile', 'chmod', 'chown', 'truncate', 'utimes', 'write', 'writeFile', 'writev']),
  },
  { of: /^process$|child\??$/i, names: new Set(['kill']) },
  { of: /(?:^|\W)(?:server|this\.#server)$/, names: new Set(['listen']) },
  { of: /stdin\??$/, names: new Set(['write', 'end']) },
  // The ledger: what is not only a question.
  { of: /(?:^|\W|#)(?:db|Db|[a-z]+Db)$/, names: new Set(['exec', 'transaction', 'backup', 'close']) },
  { of: /(?:^|\W)(?:s|#statements)\.\w+$/, names: new Set(['run']) },
  // The API server.
  { of: /(?:^|\W|#)api$/, names: new Set(['create', 'replace', 'patch', 'delete', 'apply', 'evict', 'update']) },
];

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && 'type' in value;

function childrenOf(node: Node): Node[] {
  return Object.values(node).flatMap((value) =>
    Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : [],
  );
}

/** Names of this module for what changes the world, and for modules as a whole. */
interface Imports {
  readonly effects: ReadonlyMap<string, string>;
  readonly modules: ReadonlyMap<string, ReadonlySet<string>>;
}

function importsOf(program: Node): Imports {
  const effects = new Map<string, string>();
  const modules = new Map<string, ReadonlySet<string>>();
  for (const node of program['body'] as Node[]) {
    const names =
      node.type === 'ImportDeclaration' ? EFFECTS_OF.get(String((node['source'] as Node)['value'])) : undefined;
    if (!names) continue;
    for (const specifier of node['specifiers'] as Node[]) {
      const local = String((specifier['local'] as Node)['name']);
      if (specifier.type !== 'ImportSpecifier') modules.set(local, names);
      else {
        const imported = String((specifier['imported'] as Node)['name']);
        if (names.has(imported) || OPENS.has(imported)) effects.set(local, imported);
      }
    }
  }
  return { effects, modules };
}

/** Functions that count as one with all that is in them. */
function outermost(node: Node, inside: boolean): boolean {
  if (inside) return false;
  if (node.type === 'MethodDefinition' || node.type === 'PropertyDefinition') return true;
  return /^(?:FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type);
}

export function effectsIn(text: string): Effect[] {
  const program = parseAst(text, { lang: 'ts' }) as unknown as Node;
  const imports = importsOf(program);
  const source = (node: Node): string => text.slice(node.start, node.end);
  const found: { readonly node: Node; readonly home: Node }[] = [];
  const withPoint = new Set<Node>();
  const visit = (node: Node, home: Node, inside: boolean, parent: Node | undefined): void => {
    if (node.type === 'ImportDeclaration') return;
    const within = outermost(node, inside);
    const here = within ? node : home;
    if (node.type === 'CallExpression' && source(node).startsWith('failPoint(')) withPoint.add(here);
    if (isEffect(node, parent, imports, source)) found.push({ node, home: here });
    for (const child of childrenOf(node)) visit(child, here, inside || within, node);
  };
  visit(program, program, false, undefined);
  return found.map(({ node, home }) => ({
    line: text.slice(0, node.start).split('\n').length,
    what: source(node).split('\n', 1)[0] ?? '',
    hasPoint: withPoint.has(home),
  }));
}

type Source = (node: Node) => string;

function isEffect(node: Node, parent: Node | undefined, imports: Imports, source: Source): boolean {
  if (node.type === 'NewExpression') return source(node).startsWith('new Database(');
  if (node.type === 'Identifier') return isImportedEffect(node, parent, imports, source);
  if (node.type !== 'CallExpression') return false;
  const callee = node['callee'] as Node;
  if (callee.type !== 'MemberExpression') return false;
  const object = source(callee['object'] as Node);
  const name = source(callee['property'] as Node);
  const words = node['arguments'] as Node[];
  const whole = imports.modules.get(object);
  if (whole) return whole.has(name) || (OPENS.has(name) && !onlyReads(words[1], source));
  // What else is asked of Slurm changes nothing there.
  if (name === 'run' && /tools$/i.test(object))
    return words[0] !== undefined && /^'(?:sbatch|scancel)'$/.test(source(words[0]));
  if (name === 'pragma') return words[0] !== undefined && source(words[0]).includes(' = ');
  return METHODS.some(({ of, names }) => names.has(name) && of.test(object));
}

/** However it is used: it may be handed on, to be called elsewhere. */
function isImportedEffect(node: Node, parent: Node | undefined, imports: Imports, source: Source): boolean {
  const imported = imports.effects.get(String(node['name']));
  if (imported === undefined || parent === undefined) return false;
  // A name after a dot, or of a property or a method, is another's.
  const named = parent.type === 'MemberExpression' ? parent['property'] : parent['key'];
  if (named === node && parent['computed'] !== true && parent['shorthand'] !== true) return false;
  const called = parent.type === 'CallExpression' && parent['callee'] === node;
  return !(OPENS.has(imported) && called && onlyReads((parent['arguments'] as Node[])[1], source));
}

/** Without flags it is opened to be read. */
function onlyReads(flags: Node | undefined, source: Source): boolean {
  return (
    flags === undefined ||
    /^(?:'r'|(?:constants\.O_(?:RDONLY|NONBLOCK|NOFOLLOW|DIRECTORY)(?: \| )?)+)$/.test(source(flags))
  );
}
