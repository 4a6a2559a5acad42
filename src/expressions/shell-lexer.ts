import { OPENING } from './placeholders.ts';
import { type Problem, problemAt } from './problem.ts';
import { extendWord, type Frame, NOT_LITERAL, type Site, wordOf } from './shell-frames.ts';
import { delimiterAt } from './shell-heredoc.ts';
import { ShellReader } from './shell-reader.ts';
import { nextCommand } from './shell-words.ts';

/**
 * Where in a shell script each `${{ … }}` stands. One pass with a stack; every step takes at least one
 * character, and here-documents nested in one another, which are read once per level, are bounded.
 *
 * It errs on the safe side: values are only ever referred to by variables, so a construct that it misjudges
 * garbles a word. Where the shell would evaluate a variable's text (arithmetic), only numbers are admitted.
 */

export interface Lexed {
  readonly sites: readonly Site[];
  /** Whole lines of comment or of nothing, outside quotes and here-documents. */
  readonly dropped: readonly { readonly start: number; readonly end: number }[];
  readonly leadingCommand: string | undefined;
  /** The text ends outside all quotes and here-documents: a last newline means nothing. */
  readonly complete: boolean;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** `isBash`: bash has rules of its own for quotes in `"${…}"`. */
export function lexShell(text: string, isBash: boolean): Lexed {
  return new Lexer(text, isBash).read();
}

/** Characters after `$` that are a parameter by themselves. */
const SPECIAL_PARAMETERS = '#?$!@*-0123456789';

class Lexer extends ShellReader {
  readonly #isBash: boolean;

  constructor(text: string, isBash: boolean) {
    super(text);
    this.#isBash = isBash;
  }

  read(): Lexed {
    while (!this.stopped) {
      if (this.pos < this.limit) this.#step();
      else if (!this.leaveHeredoc()) break;
    }
    const top = this.stack[0]?.command;
    if (top !== undefined && this.stack.length === 1) this.endWord();
    if (this.lineIsBlank && this.stack.length === 1) this.drop(this.text.length);
    return {
      sites: this.sites,
      dropped: this.dropped,
      leadingCommand: this.leading?.word,
      complete: this.stack.length === 1,
      problems: this.problems,
      warnings: this.warnings,
    };
  }

  #step(): void {
    const frame = this.frame;
    const c = this.text[this.pos] ?? '';
    switch (frame.kind) {
      case 'double':
        return this.#inDouble(c);
      case 'single':
        return this.#inSingle(c);
      case 'ansi':
      case 'backtick':
        return this.#inOpaque(c, frame.kind === 'ansi' ? "'" : '`');
      case 'braces':
        return this.#inBraces(c, frame);
      case 'arithmetic':
        return this.#inArithmetic(c, frame);
      case 'heredoc':
        return this.#inHeredoc(c);
      default:
        return this.#inCommand(c, frame);
    }
  }

  // Quotes and other constructs that are not commands.

  #inDouble(c: string): void {
    if (c === '"') return this.pop(1);
    if (c === '\\' || c === '$' || c === '`') {
      const around = this.stack.at(-2)?.command;
      if (around !== undefined && !this.startsPlaceholder(this.pos)) extendWord(around, NOT_LITERAL);
    }
    if (!this.#expansion(c)) this.#literal(1);
  }

  #inSingle(c: string): void {
    if (c === "'") this.pop(1);
    else if (this.startsPlaceholder(this.pos)) this.site('single');
    else this.#literal(1);
  }

  #inOpaque(c: string, closing: string): void {
    if (c === closing) this.pop(1);
    else if (this.startsPlaceholder(this.pos)) this.site('refused');
    else this.pos += c === '\\' ? 2 : 1;
  }

  #inBraces(c: string, frame: Frame): void {
    if (c === '}') this.pop(1);
    else if (c === "'" && frame.quotes) this.push('single', 1);
    else if (c === '"') this.push('double', 1);
    else if (!this.#expansion(c)) this.pos++;
  }

  #inArithmetic(c: string, frame: Frame): void {
    const [open, close] = frame.close === ']' ? ['[', ']'] : ['(', ')'];
    if (c === open) frame.depth++;
    if (c !== close) {
      if (!this.#expansion(c)) this.pos++;
    } else if (frame.depth > 0) {
      frame.depth--;
      this.pos++;
    } else if (frame.close === ']' || this.text[this.pos + 1] === ')') this.pop(frame.close.length);
    else {
      // It was no arithmetic but two parentheses of commands, and the inner one ends here.
      this.pop(1);
      this.push(frame.isCommand ? 'subshell' : 'substitution', 0);
      const { command } = this.frame;
      if (command !== undefined) nextCommand(command, false);
    }
  }

  #inHeredoc(c: string): void {
    if (!this.#expansion(c)) this.pos++;
  }

  /** Adds quoted text to the word of the command around, if quotes stand directly in one. */
  #literal(length: number): void {
    const { command } = this.stack.at(-2) ?? this.frame;
    const text = this.text.slice(this.pos, this.pos + length);
    if (command !== undefined) extendWord(command, text);
    this.pos += length;
  }

  /** Backslash, backtick and dollar, as double quotes and here-documents have them; false: nothing of these. */
  #expansion(c: string): boolean {
    if (c === '\\') this.#escape();
    else if (c === '`') this.push('backtick', 1);
    else if (c === '$') this.#dollar(false);
    else return false;
    return true;
  }

  #escape(): void {
    if (this.startsPlaceholder(this.pos + 1)) this.glued('\\');
    this.pos += 2;
  }

  #dollar(quotesCount: boolean): void {
    const next = this.text[this.pos + 1] ?? '';
    if (this.startsPlaceholder(this.pos)) this.site();
    else if (next === '$' && this.startsPlaceholder(this.pos + 1)) {
      this.glued('$');
      this.pos++;
    } else if (next === '(' && this.text[this.pos + 2] === '(') this.push('arithmetic', 3);
    else if (next === '(') this.push('substitution', 2);
    else if (next === '[') this.push('arithmetic', 2, { close: ']' });
    else if (next === '{') this.push('braces', 2, { quotes: this.#bracesQuote() });
    else if (next === "'" && quotesCount) this.push('ansi', 2);
    else if (next === '"' && quotesCount) this.push('double', 2);
    else this.pos += next !== '' && SPECIAL_PARAMETERS.includes(next) ? 2 : 1;
  }

  /** In double quotes, POSIX has `'` quote in patterns (`"${x#'a'}"`) but not in other texts (`"${x:-it's}"`). */
  #bracesQuote(): boolean {
    const { kind } = this.frame;
    if (this.#isBash || (kind !== 'double' && kind !== 'heredoc')) return true;
    const operator = /^\$\{!?(?:[A-Za-z0-9_]+|[#?$!@*-])(?:\[[^\]\n]{0,80}\])?(.)/s.exec(
      this.text.slice(this.pos, this.pos + 200),
    );
    return '#%/^,'.includes(operator?.[1] ?? '#');
  }

  // Commands.

  #inCommand(c: string, frame: Frame): void {
    const { command } = frame;
    if (command === undefined) return;
    if (c === '\n') return this.#newline();
    if (c === ' ' || c === '\t') {
      this.endWord();
      this.pos++;
      return;
    }
    if (c === '#' && command.word === undefined) {
      const end = this.text.indexOf('\n', this.pos);
      this.pos = end < 0 ? this.limit : Math.min(end, this.limit);
      return;
    }
    this.lineIsBlank = false;
    if (c === '\\') this.#escapeInWord();
    else if (c === "'") {
      wordOf(command).quoted = true;
      this.push('single', 1);
    } else if (c === '"') {
      wordOf(command).quoted = true;
      this.push('double', 1);
    } else if (c === '$' || c === '`') {
      if (!this.startsPlaceholder(this.pos)) extendWord(command, NOT_LITERAL);
      if (c === '`') this.push('backtick', 1);
      else this.#dollar(true);
    } else if (c === '<' || c === '>') this.#redirect(c);
    else if (c === ';' || c === '&' || c === '|') this.#separator(c);
    else if (c === '(') this.#openParenthesis(frame);
    else if (c === ')') this.#closeParenthesis();
    else {
      extendWord(command, c);
      this.pos++;
    }
  }

  #escapeInWord(): void {
    const { command } = this.frame;
    if (this.text[this.pos + 1] === '\n') {
      this.pos += 2;
      return;
    }
    if (command !== undefined) extendWord(command, this.text[this.pos + 1] ?? '').quoted = true;
    this.#escape();
  }

  #newline(): void {
    this.endWord();
    this.pos++;
    if (this.lineIsBlank) this.drop(this.pos);
    this.lineStart = this.pos;
    this.lineIsBlank = true;
    const { command, kind } = this.frame;
    if (command !== undefined) nextCommand(command, kind !== 'array');
    this.enterHeredoc();
  }

  #separator(c: string): void {
    this.endWord();
    const { command } = this.frame;
    const next = this.text[this.pos + 1];
    if (c === '&' && next === '>') {
      this.pos++;
      return;
    }
    if (command === undefined) return;
    const isClause = c === ';' && (next === ';' || next === '&');
    if (isClause && this.frame.kind === 'case' && command.stage === 'body') command.stage = 'pattern';
    if (command.conditional && c !== ';') {
      command.operand = [];
      this.pos++;
      return;
    }
    command.conditional = false;
    nextCommand(command, this.frame.kind !== 'array');
    this.pos += isClause ? 2 : 1;
  }

  #redirect(c: string): void {
    const { command } = this.frame;
    const rest = this.text.slice(this.pos, this.pos + 3);
    // The digits of `2>` are no word; a word that only ends in digits is.
    if (command?.word !== undefined && /^\d+$/.test(command.word.text)) command.word = undefined;
    this.endWord();
    if (command === undefined) return;
    if (command.conditional || command.stage === 'pattern') {
      this.pos++;
      return;
    }
    if (rest.startsWith(`${c}(`)) {
      extendWord(command, NOT_LITERAL);
      return this.push('substitution', 2);
    }
    if (rest.startsWith('<<') && rest !== '<<<') return this.#heredocOperator();
    const operator = /^(?:<<<|<&|<>|<|>>|>&|>\||>)/.exec(rest)?.[0] ?? c;
    command.redirected = true;
    this.pos += operator.length;
  }

  #openParenthesis(frame: Frame): void {
    const { command } = frame;
    if (command === undefined) return;
    const inWord = command.word !== undefined;
    const isFor = command.words.length === 1 && command.words[0] === 'for';
    const isPattern = frame.kind === 'case' && command.stage === 'pattern';
    if ((isPattern || command.conditional) && !inWord) this.pos++;
    else if (!inWord && (command.atCommand || isFor) && this.text[this.pos + 1] === '(') {
      this.push('arithmetic', 2, { isCommand: true });
    } else if (inWord) {
      // An array, an extended pattern, or the `()` of a function.
      extendWord(command, NOT_LITERAL);
      this.push('array', 1);
    } else this.push('subshell', 1);
  }

  #closeParenthesis(): void {
    this.endWord();
    const frame = this.frame;
    const { command } = frame;
    this.pos++;
    if (command?.conditional === true) return;
    if (frame.kind === 'case' && command !== undefined) {
      if (command.stage === 'pattern') {
        command.stage = 'body';
        nextCommand(command, true);
        return;
      }
      // No case at all, or one without its esac: what it stands in ends here.
      this.stack.pop();
    }
    if (this.stack.length > 1) this.stack.pop();
    const around = this.frame.command;
    if (around !== undefined && frame.kind === 'subshell') nextCommand(around, true);
    const isFunction = frame.kind === 'array' && this.text[this.pos - 2] === '(';
    if (around !== undefined && isFunction) {
      around.word = undefined;
      nextCommand(around, true);
    }
  }

  // Here-documents.

  #heredocOperator(): void {
    const stripsTabs = this.text[this.pos + 2] === '-';
    const found = delimiterAt(this.text, this.pos + (stripsTabs ? 3 : 2), this.limit);
    if (found.placeholder) {
      const range = { offset: found.end, length: OPENING.length };
      this.problems.push(problemAt('E-SCRIPT', 'The delimiter of a here-document must be literal.', range));
    }
    const command = this.frame.command?.words ?? [];
    this.announce({ delimiter: found.delimiter, quoted: found.quoted, stripsTabs, command });
    this.pos = found.end;
  }
}
