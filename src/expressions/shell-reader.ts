import { MAX_HEREDOC_DEPTH } from '../base/limits.ts';
import { embeddedIn, readsProgram } from './embedded-programs.ts';
import { endOfPlaceholder, OPENING } from './placeholders.ts';
import { type Problem, problemAt } from './problem.ts';
import { refusalFor } from './refusals.ts';
import {
  extendWord,
  type Frame,
  type FrameKind,
  type Heredoc,
  NOT_LITERAL,
  newFrame,
  type Site,
  type SiteContext,
} from './shell-frames.ts';
import { bodyOf } from './shell-heredoc.ts';
import { endWord, nextCommand } from './shell-words.ts';

/** Here-documents that one line announces. */
const MAX_WAITING = 1_000;

/**
 * What the lexer has found so far and where it stands: the stack of open constructs, words, lines, bodies of
 * here-documents, placeholders. What each character means is decided by `shell-lexer.ts`.
 */
export class ShellReader {
  protected readonly text: string;
  protected readonly stack: Frame[] = [newFrame('top')];
  protected readonly sites: Site[] = [];
  protected readonly dropped: { start: number; end: number }[] = [];
  protected readonly problems: Problem[] = [];
  protected readonly warnings: Problem[] = [];
  protected pos = 0;
  /** End of the innermost here-document's body, or of the text. */
  protected limit: number;
  protected waiting: Heredoc[] = [];
  protected leading: { readonly word: string | undefined } | undefined;
  protected lineStart = 0;
  protected lineIsBlank = true;
  protected stopped = false;

  constructor(text: string) {
    this.text = text;
    this.limit = text.length;
  }

  protected get frame(): Frame {
    return this.stack.at(-1) ?? newFrame('top');
  }

  protected push(kind: FrameKind, length: number, more: Partial<Frame> = {}): void {
    this.pos += length;
    this.lineIsBlank = false;
    this.stack.push(newFrame(kind, more));
  }

  protected startsPlaceholder(at: number): boolean {
    return this.text.startsWith(OPENING, at);
  }

  protected pop(length: number): void {
    this.pos += length;
    if (this.stack.length > 1) this.stack.pop();
  }

  protected drop(end: number): void {
    if (end > this.lineStart) this.dropped.push({ start: this.lineStart, end });
  }

  protected endWord(): void {
    const { command } = this.frame;
    if (command?.word === undefined) return;
    const { word, words, redirected } = command;
    const depth = this.stack.length;
    if (!redirected) this.lint(words, word.text, word.sites);
    const meaning = endWord(command);
    if (meaning === 'command' && this.leading === undefined) {
      this.leading = { word: depth > 1 || word.text.includes(NOT_LITERAL) ? undefined : word.text };
    }
    if (meaning === 'case') this.stack.push(newFrame('case'));
    else if (meaning === 'esac' && this.frame.kind === 'case') {
      this.stack.pop();
      const around = this.frame.command;
      if (around !== undefined) nextCommand(around, false);
    }
  }

  protected lint(words: readonly string[], word: string, sites: readonly Site[]): void {
    const quoted = sites.filter((site) => site.context === 'double' || site.context === 'single');
    const program = quoted.length === 0 ? undefined : embeddedIn(words, word);
    if (program !== undefined) for (const site of quoted) this.warn(site, program);
  }

  protected warn(site: { readonly start: number; readonly end: number }, program: string): void {
    this.warnings.push({
      code: 'W-EMBEDDED-PROGRAM',
      message: `The value becomes part of a program for ${program}, which reads it by its own rules.`,
      hint: program === 'awk' ? 'Pass it by awk -v name=value.' : `Pass it to ${program} as an argument or by env.`,
      offset: site.start,
      length: site.end - site.start,
      severity: 'warning',
    });
  }

  /** At the start of a line: the bodies of the here-documents announced before. */
  protected enterHeredoc(): void {
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) {
      const { bodyEnd, resume } = bodyOf(this.text, this.pos, this.limit, next);
      if (!next.quoted) {
        if (this.stack.filter(({ kind }) => kind === 'heredoc').length >= MAX_HEREDOC_DEPTH) {
          this.stop(`here-documents within one another go deeper than ${MAX_HEREDOC_DEPTH} (MAX_HEREDOC_DEPTH)`);
          return;
        }
        const program = readsProgram(next.command);
        this.push('heredoc', 0, { end: this.limit, resume, later: this.waiting, program });
        this.waiting = [];
        this.limit = bodyEnd;
        return;
      }
      this.refuseAll(bodyEnd);
      this.pos = Math.max(this.pos, resume);
      this.lineStart = this.pos;
    }
  }

  protected refuseAll(end: number): void {
    for (;;) {
      // Within the body only: a search to the end of the text for each here-document would be quadratic.
      const at = this.text.slice(this.pos, end).indexOf(OPENING);
      if (at < 0 || this.stopped) return;
      this.pos += at;
      this.addSite('refused', refusalFor('heredoc', this.text, this.pos));
    }
  }

  /** At the end of the innermost body, whatever was left open in it; false: the text ends. */
  protected leaveHeredoc(): boolean {
    const at = this.stack.findLastIndex(({ kind }) => kind === 'heredoc');
    const frame = this.stack[at];
    if (frame === undefined) return false;
    this.stack.length = at;
    this.limit = frame.end;
    this.pos = Math.max(this.pos, frame.resume);
    this.lineStart = this.pos;
    this.lineIsBlank = true;
    this.waiting = [...frame.later];
    this.enterHeredoc();
    return true;
  }

  protected site(context?: SiteContext): void {
    const frame = this.frame;
    const around = this.stack.at(-2);
    if (frame.kind === 'double' || frame.kind === 'single') {
      if (around?.kind === 'braces') this.addSite('refused', refusalFor('braces', this.text, this.pos));
      else this.addSite(context ?? 'double');
    } else if (frame.kind === 'braces' || frame.kind === 'backtick' || frame.kind === 'ansi') {
      this.addSite('refused', refusalFor(frame.kind, this.text, this.pos));
    } else if (frame.kind === 'arithmetic' || frame.kind === 'heredoc') this.addSite(frame.kind);
    else this.addSite('word');
  }

  protected addSite(context: SiteContext, refusal?: Site['refusal']): void {
    const start = this.pos;
    const end = endOfPlaceholder(this.text, start);
    if (!end.ok) {
      this.problems.push(end.error);
      this.stopped = true;
      return;
    }
    const numeric = context === 'arithmetic';
    const site = { start, end: end.value, context, refusal, wholeWord: false, target: false, numeric };
    this.sites.push(site);
    this.pos = end.value;
    const frame = this.frame;
    if (context === 'heredoc' && frame.program !== undefined) this.warn(site, frame.program);
    const owner = frame.kind === 'double' || frame.kind === 'single' ? this.stack.at(-2) : frame;
    if (owner?.command !== undefined) extendWord(owner.command, NOT_LITERAL).sites.push(site);
  }

  /** A `\` or `$` would take the `$` of the reference for itself. */
  protected glued(character: string): void {
    const range = { offset: this.pos, length: 1 + OPENING.length };
    const message = `${character} directly before ${OPENING} changes what the shell reads there.`;
    const literal = character === '$' ? '$' : '\\\\';
    this.problems.push(
      problemAt('E-SCRIPT', message, range, `Put it into the expression: ${OPENING} '${literal}' + … }}`),
    );
  }

  /** Gives up: what follows is not looked at. */
  protected stop(message: string): void {
    this.problems.push(problemAt('E-SCRIPT', message, { offset: this.pos, length: 1 }));
    this.stopped = true;
  }

  protected announce(heredoc: Heredoc): void {
    this.waiting.push(heredoc);
    if (this.waiting.length > MAX_WAITING) this.stop(`a line announces more than ${MAX_WAITING} here-documents`);
  }
}
