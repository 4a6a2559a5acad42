import { MAX_DOCUMENT_DEPTH } from '../base/limits.ts';
import type { DecodedDocument, Report } from './decoded-document.ts';
import { setOwn } from './own-property.ts';
import { PositionTableBuilder } from './positions.ts';

/** JSON with positions, many times faster than YAML. Strict JSON only; anything else may still be YAML. */
export type JsonOutcome =
  | { readonly kind: 'document'; readonly document: DecodedDocument }
  /** It is JSON, but may not be used; what is wrong has been reported. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'not-json'; readonly offset: number; readonly message: string };

export function looksLikeJson(text: string): boolean {
  return /^\ufeff?[ \t\r\n]*[{[]/.test(text);
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y;
const BLANK = /[ \t\r\n]*/y;

export function decodeJson(text: string, report: Report): JsonOutcome {
  const reader = new JsonReader(text, report);
  return reader.run();
}

interface Frame {
  readonly value: Record<string, unknown> | unknown[];
  readonly index: number;
  readonly key: string | number;
  /** Something stands in it already, so that a comma must come next. */
  started: boolean;
}

/** A stack instead of recursion; depth is an error of the document, not of the machine. */
class JsonReader {
  readonly #text: string;
  readonly #report: Report;
  readonly #positions = new PositionTableBuilder();
  readonly #stack: Frame[] = [];
  #at = 0;
  #good = true;
  #root: unknown;

  constructor(text: string, report: Report) {
    this.#text = text;
    this.#report = report;
  }

  run(): JsonOutcome {
    if (this.#text.startsWith('\ufeff')) this.#at = 1;
    this.#skipBlank();
    let problem = this.#readValue(undefined, -1);
    while (problem === undefined && this.#stack.length > 0) {
      if (this.#stack.length > MAX_DOCUMENT_DEPTH) {
        this.#report('E-DEPTH', this.#at, `nested deeper than ${MAX_DOCUMENT_DEPTH} levels.`);
        return { kind: 'refused' };
      }
      problem = this.#readMember();
    }
    this.#skipBlank();
    if (problem === undefined && this.#at < this.#text.length) problem = 'more text after the end of the JSON value.';
    if (problem !== undefined) return { kind: 'not-json', offset: this.#at, message: problem };
    return { kind: 'document', document: { value: this.#root, positions: this.#positions.finish(), good: this.#good } };
  }

  #skipBlank(): void {
    BLANK.lastIndex = this.#at;
    BLANK.exec(this.#text);
    this.#at = BLANK.lastIndex;
  }

  #path(key?: string | number): (string | number)[] {
    const path = this.#stack.slice(1).map((frame) => frame.key);
    if (key !== undefined) path.push(key);
    return path;
  }

  /** One member or element of the innermost container, or its end. */
  #readMember(): string | undefined {
    const frame = this.#stack.at(-1);
    if (frame === undefined) return undefined;
    const list = Array.isArray(frame.value);
    this.#skipBlank();
    if (this.#text[this.#at] === (list ? ']' : '}')) {
      this.#at++;
      this.#positions.close(frame.index);
      this.#stack.pop();
      return undefined;
    }
    if (frame.started) {
      if (this.#text[this.#at] !== ',') return `expected , or ${list ? ']' : '}'} here.`;
      this.#at++;
      this.#skipBlank();
    }
    frame.started = true;
    if (list) return this.#readValue(undefined, -1);
    return this.#readNamed(frame.value);
  }

  #readNamed(object: Record<string, unknown>): string | undefined {
    const keyOffset = this.#at;
    if (this.#text[this.#at] !== '"') return 'expected a quoted key here.';
    const key = this.#readString();
    if (key === undefined) return 'this text does not end, or holds a wrong escape.';
    if (Object.hasOwn(object, key)) {
      this.#refuse('E-DUPLICATE-KEY', keyOffset, 'the same key stands here twice.', key);
    }
    this.#skipBlank();
    if (this.#text[this.#at] !== ':') return 'expected : here.';
    this.#at++;
    this.#skipBlank();
    return this.#readValue(key, keyOffset);
  }

  #readValue(key: string | undefined, keyOffset: number): string | undefined {
    const offset = this.#at;
    const c = this.#text[offset];
    const index = this.#positions.open(key, keyOffset, offset);
    if (c === '{' || c === '[') {
      this.#at++;
      const value: Record<string, unknown> | unknown[] = c === '{' ? {} : [];
      const place = this.#put(key, value);
      this.#stack.push({ value, index, key: place, started: false });
      return undefined;
    }
    if (c === '"') {
      const text = this.#readString();
      if (text === undefined) return 'this text does not end, or holds a wrong escape.';
      this.#checkText(text, offset, this.#put(key, text));
      return undefined;
    }
    for (const [word, value] of WORDS) {
      if (this.#text.startsWith(word, offset)) {
        this.#at += word.length;
        this.#put(key, value);
        return undefined;
      }
    }
    return this.#readNumber(key, offset);
  }

  #readNumber(key: string | undefined, offset: number): string | undefined {
    NUMBER.lastIndex = offset;
    const digits = NUMBER.exec(this.#text)?.[0];
    if (digits === undefined) return 'expected a value here.';
    this.#at += digits.length;
    const number = Number(digits);
    const place = this.#put(key, number === 0 ? 0 : number);
    const whole = /^-?\d+$/.test(digits);
    if (!Number.isFinite(number) || (whole && !Number.isSafeInteger(number))) {
      this.#refuse('E-AMBIGUOUS-VALUE', offset, 'has more digits than a number can hold. Quote it.', place);
    }
    return undefined;
  }

  /** Puts a value into the innermost container and says under which key. */
  #put(key: string | undefined, value: unknown): string | number {
    const container = this.#stack.at(-1)?.value;
    if (container === undefined) {
      this.#root = value;
      return '';
    }
    if (Array.isArray(container)) return container.push(value) - 1;
    setOwn(container, key ?? '', value);
    return key ?? '';
  }

  /** The string that begins here, and moves past it; undefined if there is none. */
  #readString(): string | undefined {
    const start = this.#at;
    let end = this.#text.indexOf('"', start + 1);
    while (end !== -1 && this.#escaped(end)) end = this.#text.indexOf('"', end + 1);
    if (end === -1) return undefined;
    try {
      const value: unknown = JSON.parse(this.#text.slice(start, end + 1));
      this.#at = end + 1;
      return String(value);
    } catch {
      return undefined;
    }
  }

  #escaped(quote: number): boolean {
    let slashes = 0;
    while (this.#text[quote - 1 - slashes] === '\\') slashes++;
    return slashes % 2 === 1;
  }

  #checkText(text: string, offset: number, place: string | number): void {
    if (text.includes('\0')) this.#refuse('E-CHARACTER', offset, 'a text may not hold NUL.', place);
    else if (/\p{Cs}/u.test(text)) this.#refuse('E-CHARACTER', offset, 'half of a character: no valid Unicode.', place);
  }

  #refuse(code: string, offset: number, message: string, place: string | number): void {
    this.#good = false;
    this.#report(code, offset, message, { path: this.#path(place) });
  }
}

const WORDS: readonly (readonly [string, boolean | null])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];
