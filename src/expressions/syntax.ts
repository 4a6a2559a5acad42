import { type ASTNode, Environment, type ParseError } from '@marcbachmann/cel-js';
import { MAX_EXPRESSION_CHARS, MAX_EXPRESSION_DEPTH, MAX_EXPRESSION_NODES } from '../base/limits.ts';
import { fail, ok, type Result } from '../base/result.ts';
import { type Problem, problemAt } from './problem.ts';

/** CEL text to a syntax tree of bounded size and depth, or a complaint that points at the character. */

const parser = new Environment({
  unlistedVariablesAreDyn: true,
  homogeneousAggregateLiterals: false,
  enableOptionalTypes: true,
  limits: { maxAstNodes: MAX_EXPRESSION_NODES, maxDepth: MAX_EXPRESSION_DEPTH },
});

/** `base` is the offset of `source` in the field's text. */
export function parseSyntax(source: string, base: number): Result<ASTNode, Problem> {
  const whole = { offset: base, length: Math.max(1, source.length) };
  if (source === '') return fail(problemAt('E-SYNTAX', 'the expression is empty', whole));
  if (source.length > MAX_EXPRESSION_CHARS) {
    const message = `the expression is longer than ${MAX_EXPRESSION_CHARS} characters (MAX_EXPRESSION_CHARS)`;
    return fail(problemAt('E-SYNTAX', message, whole));
  }
  try {
    const { ast } = parser.parse(source);
    if (depthOf(ast) <= MAX_EXPRESSION_DEPTH) return ok(ast);
  } catch (error) {
    if (!(error instanceof RangeError)) return fail(syntaxProblem(error as ParseError, source, base));
  }
  return fail(
    problemAt(
      'E-SYNTAX',
      `the expression is nested deeper than ${MAX_EXPRESSION_DEPTH} levels (MAX_EXPRESSION_DEPTH)`,
      whole,
    ),
  );
}

function syntaxProblem(error: ParseError, source: string, base: number): Problem {
  const start = Math.min(error.range?.start ?? 0, source.length);
  const length = Math.max(1, Math.min(error.range?.end ?? start, source.length) - start);
  const summary = (error.summary ?? error.message).replace(/\b[A-Z]{2,}\b/g, (token) => SPELLINGS.get(token) ?? token);
  const message = summary.charAt(0).toLowerCase() + summary.slice(1);
  return problemAt('E-SYNTAX', message, { offset: base + start, length }, hintFor(source, start));
}

const SPELLINGS: ReadonlyMap<string, string> = new Map([
  ['EOF', 'the end'],
  ['RPAREN', ')'],
  ['LPAREN', '('],
  ['RBRACKET', ']'],
  ['LBRACKET', '['],
  ['RBRACE', '}'],
  ['LBRACE', '{'],
  ['IDENTIFIER', 'a name'],
  ['NUMBER', 'a number'],
  ['STRING', 'a string'],
  ['COLON', ':'],
  ['COMMA', ','],
  ['DOT', '.'],
]);

/** What people write who know another language. */
function hintFor(source: string, start: number): string | undefined {
  const rest = source.slice(start, start + 8);
  if (rest.startsWith('=')) return 'equality is ==';
  if (/^(and|or|not)\b/.test(rest)) return 'CEL writes && || !';
  if (rest.startsWith('|') || rest.startsWith('&'))
    return 'CEL writes && and ||; there are no filters: call a function';
  if (rest.startsWith('$')) return 'inside ${{ }} names stand without $';
  if (rest.startsWith('`')) return 'texts stand in \'…\' or "…"';
  return undefined;
}

/** Levels of the tree, without recursion: a chain of operators is as deep as it is long. */
function depthOf(root: ASTNode): number {
  let deepest = 0;
  const todo: [ASTNode, number][] = [[root, 1]];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const [node, depth] = next;
    deepest = Math.max(deepest, depth);
    for (const child of childrenOf(node)) todo.push([child, depth + 1]);
  }
  return deepest;
}

function childrenOf(node: ASTNode): readonly ASTNode[] {
  switch (node.op) {
    case 'value':
    case 'id':
      return [];
    case '.':
    case '.?':
      return [node.args[0]];
    case 'call':
      return node.args[1];
    case 'rcall':
      return [node.args[1], ...node.args[2]];
    case 'map':
      return node.args.flat();
    case '!_':
    case '-_':
      return [node.args];
    default:
      return node.args;
  }
}
