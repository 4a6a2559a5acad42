import {
  type Alias,
  Composer,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  type ParsedNode,
  Parser,
  Scalar,
  type YAMLMap,
} from 'yaml';
import { MAX_ALIAS_EXPANSION_CHARS, MAX_DOCUMENT_DEPTH, MAX_YAML_LINES, MAX_YAML_TOKENS } from '../base/limits.ts';
import type { DecodedDocument, Report } from './decoded-document.ts';
import { setOwn } from './own-property.ts';
import { keyTrouble, valueTrouble } from './plain-scalar.ts';
import { PositionTableBuilder } from './positions.ts';

/**
 * The library makes an Error of every mistake, and taking down the stack is nine tenths of its cost: a short text
 * full of mistakes would hold up the event loop for a second.
 */
export function decodeYaml(text: string, report: Report, full: () => boolean): readonly DecodedDocument[] {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return readStream(text, report, full);
  } finally {
    Error.stackTraceLimit = before;
  }
}

/** The one home of the `yaml` package: from its syntax tree to values, with everything refused that is ambiguous. */
function readStream(text: string, report: Report, full: () => boolean): readonly DecodedDocument[] {
  const tooMany = offsetOfLine(text, MAX_YAML_LINES);
  if (tooMany !== undefined) {
    report('E-TOO-LARGE', tooMany, `more than ${MAX_YAML_LINES} lines (MAX_YAML_LINES). ${KEEP_DATA_IN_FILES}`);
    return [];
  }
  const out: DecodedDocument[] = [];
  let directives = false;
  // The library's own check for doubled keys compares every key with every other.
  const composer = new Composer({
    uniqueKeys: false,
    schema: 'core',
    version: '1.2',
    resolveKnownTags: false,
    prettyErrors: false,
    logLevel: 'silent',
  });
  const finish = (document: Document.Parsed): void => {
    const decoded = full() ? undefined : readDocument(document, report);
    if (decoded !== undefined) out.push(directives ? { ...decoded, good: false } : decoded);
  };
  const parser = new Parser();
  const feed = (lexeme?: string): void => {
    const tokens = lexeme === undefined ? parser.end() : parser.next(lexeme);
    for (const token of tokens) {
      if (token.type === 'directive') {
        directives = true;
        report('E-YAML', token.offset, 'YAML directives (%) are not read here. Delete the line.');
      }
      for (const document of composer.next(token)) finish(document);
    }
  };
  let tokens = 0;
  for (const lexeme of new Lexer().lex(text)) {
    feed(lexeme);
    if (++tokens > MAX_YAML_TOKENS) {
      report(
        'E-TOO-LARGE',
        parser.offset,
        `more than ${MAX_YAML_TOKENS} words and marks (MAX_YAML_TOKENS). ${KEEP_DATA_IN_FILES}`,
      );
      return [];
    }
    // The parser keeps a stack of its own; whatever comes after it recurses, so depth ends here.
    if (parser.stack.length > MAX_DOCUMENT_DEPTH + 2) {
      report('E-DEPTH', parser.offset, `nested deeper than ${MAX_DOCUMENT_DEPTH} levels.`);
      return [];
    }
    if (full()) return [];
  }
  feed();
  for (const document of composer.end()) finish(document);
  for (const problem of composer.streamInfo().errors) reportYaml(problem, report);
  return out;
}

const KEEP_DATA_IN_FILES = 'Keep data in files and the tasks in a fan-out.';

/** Where the line after so many begins; undefined: there are no more. */
function offsetOfLine(text: string, lines: number): number | undefined {
  let at = -1;
  for (let n = 0; n < lines; n++) {
    at = text.indexOf('\n', at + 1);
    if (at < 0) return undefined;
  }
  return at + 1 < text.length ? at + 1 : undefined;
}

function reportYaml(
  problem: { readonly code: string; readonly message: string; readonly pos: readonly number[] },
  report: Report,
): void {
  const offset = problem.pos[0] ?? 0;
  const sentence = `${(problem.message.split('\n')[0] ?? '').slice(0, 300)}.`;
  if (problem.message.startsWith('Unresolved tag')) {
    const tag = /^Unresolved tag: (.*)$/.exec(problem.message)?.[1]?.slice(0, 60) ?? '';
    report('E-TAG', offset, `${tag} is a YAML tag, which nothing reads. Quote a text that begins with !.`);
  } else if (sentence.includes('Nested mappings are not allowed') || sentence.includes('Missing , or : between flow')) {
    report('E-YAML', offset, sentence, { hint: 'A text that holds ": " or ${{ }} inside { } or [ ] must be quoted.' });
  } else {
    report('E-YAML', offset, sentence);
  }
}

function readDocument(document: Document.Parsed, report: Report): DecodedDocument | undefined {
  let good = true;
  const strict: Report = (code, offset, message, more) => {
    good = false;
    report(code, offset, message, more);
  };
  for (const problem of document.errors) reportYaml(problem, strict);
  // After an error of syntax the tree is a guess; a warning leaves it whole, and there may be more to say.
  if (!good) return undefined;
  for (const problem of document.warnings) reportYaml(problem, strict);
  const contents = document.contents;
  const empty = contents === null || (isScalar(contents) && contents.source === '' && contents.type === 'PLAIN');
  if (empty) return undefined;
  const reader = new NodeReader(strict);
  const value = reader.read(contents, undefined, -1, []).value;
  return { value, positions: reader.positions.finish(), good };
}

interface Read {
  readonly value: unknown;
  /** Levels of nesting below and including this value. */
  readonly depth: number;
}

interface Anchored extends Read {
  /** Characters and a bit for each value: what one more alias of it costs. */
  readonly size: number;
}

/** Reads the nodes of one document. Recursion is bounded: the parser has refused deeper nesting. */
class NodeReader {
  readonly positions = new PositionTableBuilder();
  readonly #report: Report;
  readonly #anchors = new Map<string, Anchored>();
  #size = 0;
  #expanded = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  read(node: ParsedNode, key: string | undefined, keyOffset: number, path: (string | number)[]): Read {
    const offset = node.range[0];
    const before = this.#size;
    const index = this.positions.open(key, keyOffset, offset);
    const read = this.#readValue(node, offset, path);
    this.positions.close(index);
    this.#size += 8;
    if (!isAlias(node) && node.anchor !== undefined && node.anchor !== '') {
      this.#anchors.set(node.anchor, { ...read, size: this.#size - before });
    }
    return read;
  }

  #readValue(node: ParsedNode, offset: number, path: (string | number)[]): Read {
    if (path.length > MAX_DOCUMENT_DEPTH) {
      this.#report('E-DEPTH', offset, `nested deeper than ${MAX_DOCUMENT_DEPTH} levels.`);
      return NOTHING;
    }
    if (isAlias(node)) return this.#readAlias(node, offset, path);
    // An unknown tag has been reported as a warning of the library's.
    if (node.tag?.startsWith(CORE_TAG) === true && !ALLOWED_TAGS.has(node.tag)) {
      this.#report(
        'E-TAG',
        offset,
        `the tag ${node.tag.slice(0, 60)} is not read here. Quote a text that begins with !.`,
        { path: [...path] },
      );
    }
    if (isMap(node)) return this.#readMap(node, path);
    if (isSeq(node)) return this.#readList(node.items, path);
    return { value: this.#readScalar(node, offset, path), depth: 1 };
  }

  #readList(items: readonly ParsedNode[], path: (string | number)[]): Read {
    const value: unknown[] = [];
    let depth = 0;
    for (const item of items) {
      path.push(value.length);
      const read = this.read(item, undefined, -1, path);
      path.pop();
      value.push(read.value);
      depth = Math.max(depth, read.depth);
    }
    return { value, depth: depth + 1 };
  }

  #readMap(map: YAMLMap<ParsedNode, ParsedNode | null>, path: (string | number)[]): Read {
    const value: Record<string, unknown> = {};
    let depth = 0;
    for (const pair of map.items) {
      const keyOffset = pair.key.range[0];
      const key = this.#readKey(pair.key, keyOffset, path);
      if (key === undefined) continue;
      path.push(key);
      if (Object.hasOwn(value, key)) {
        this.#report('E-DUPLICATE-KEY', keyOffset, 'the same key stands here twice.', { path: [...path] });
      }
      this.#size += key.length;
      if (pair.value === null) {
        setOwn(value, key, null);
        this.positions.open(key, keyOffset, keyOffset);
      } else {
        const read = this.read(pair.value, key, keyOffset, path);
        setOwn(value, key, read.value);
        depth = Math.max(depth, read.depth);
      }
      path.pop();
    }
    return { value, depth: depth + 1 };
  }

  #readKey(node: ParsedNode, offset: number, path: readonly (string | number)[]): string | undefined {
    if (!isScalar(node) || (node.tag !== undefined && node.tag !== STRING_TAG)) {
      this.#report('E-KEY-KIND', offset, 'a key must be plain or quoted text, no alias, tag, list or map.', {
        path: [...path],
      });
      return undefined;
    }
    const source = node.source ?? String(node.value);
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, { value: source, depth: 1, size: source.length + 8 });
    if (node.type === Scalar.PLAIN && node.tag === undefined) {
      const trouble = keyTrouble(source);
      if (trouble !== undefined) this.#report('E-AMBIGUOUS-KEY', offset, trouble, { path: [...path] });
    } else {
      this.#checkText(source, offset, path);
    }
    return source;
  }

  #readScalar(node: Scalar.Parsed, offset: number, path: readonly (string | number)[]): unknown {
    const value: unknown = node.value;
    if (node.type === Scalar.PLAIN && node.tag === undefined) {
      const trouble = valueTrouble(node.source);
      if (trouble !== undefined) this.#report('E-AMBIGUOUS-VALUE', offset, trouble, { path: [...path] });
    }
    if (typeof value === 'string') {
      this.#size += value.length;
      if (node.type === Scalar.QUOTE_DOUBLE) this.#checkText(value, offset, path);
    }
    // -0 and 0 are one number in JSON as people write it, and one for kubectl.
    return value === 0 ? 0 : value;
  }

  /** Escapes can make what the file itself may not hold. */
  #checkText(value: string, offset: number, path: readonly (string | number)[]): void {
    if (value.includes('\0')) this.#report('E-CHARACTER', offset, 'a text may not hold NUL.', { path: [...path] });
    else if (/\p{Cs}/u.test(value))
      this.#report('E-CHARACTER', offset, 'half of a character: no valid Unicode.', { path: [...path] });
  }

  #readAlias(node: Alias, offset: number, path: readonly (string | number)[]): Read {
    const target = this.#anchors.get(node.source);
    const name = node.source.slice(0, 60);
    if (target === undefined) {
      this.#report('E-ALIAS', offset, `nothing before is anchored as &${name}.`, { path: [...path] });
      return NOTHING;
    }
    this.#size += target.size;
    if (this.#expanded > MAX_ALIAS_EXPANSION_CHARS) return NOTHING;
    this.#expanded += target.size;
    if (this.#expanded > MAX_ALIAS_EXPANSION_CHARS) {
      this.#report('E-ALIAS', offset, 'aliases repeat more text than is allowed. Write a fan-out, or spec.defaults.', {
        path: [...path],
      });
      return NOTHING;
    }
    if (path.length + target.depth > MAX_DOCUMENT_DEPTH + 1) {
      this.#report('E-DEPTH', offset, `nested deeper than ${MAX_DOCUMENT_DEPTH} levels through aliases.`, {
        path: [...path],
      });
      return NOTHING;
    }
    return target;
  }
}

/** What stands for a value that was refused. */
const NOTHING: Read = { value: null, depth: 1 };
const CORE_TAG = 'tag:yaml.org,2002:';
const STRING_TAG = `${CORE_TAG}str`;
const ALLOWED_TAGS = new Set(['!', STRING_TAG, `${CORE_TAG}map`, `${CORE_TAG}seq`]);
