/**
 * What the shell lexer keeps while it reads: the stack of open constructs, and of each command its words.
 *
 *   command kinds  top, substitution `$(…)` `<(…)`, subshell `(…)`, array `x=(…)`, case
 *   quote kinds    double, single, ansi `$'…'`
 *   others         braces `${…}`, arithmetic `$((…))` `((…))` `$[…]`, backtick, heredoc (unquoted delimiter)
 */
export type FrameKind =
  | 'top'
  | 'substitution'
  | 'subshell'
  | 'array'
  | 'case'
  | 'double'
  | 'single'
  | 'ansi'
  | 'braces'
  | 'arithmetic'
  | 'backtick'
  | 'heredoc';

/** Where a value stands, which decides how its reference is written. */
export type SiteContext = 'word' | 'double' | 'single' | 'heredoc' | 'arithmetic' | 'refused';

/** A `${{ … }}` that counts. */
export interface Site {
  readonly start: number;
  readonly end: number;
  readonly context: SiteContext;
  /** Why a value cannot stand here, for `refused`. */
  readonly refusal: Refusal | undefined;
  /** Outside quotes, nothing else in its word: a list may become several words, an absent value none. */
  wholeWord: boolean;
  /** The target of a redirection: exactly one word, never none. */
  target: boolean;
  /** The shell evaluates the text here as arithmetic, where a text could run commands. */
  numeric: boolean;
}

export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** The word under way: literal text, with NUL for everything that is not literal. */
export interface Word {
  text: string;
  quoted: boolean;
  readonly sites: Site[];
}

/** The simple command under way in a command frame. */
export interface CommandState {
  /** The next word is a command's name or a reserved word. */
  atCommand: boolean;
  words: string[];
  word: Word | undefined;
  /** A redirection operator has been read, its target not. */
  redirected: boolean;
  /** Inside `[[ … ]]`; `operand` is the word before, `compares`: the operator before was arithmetic. */
  conditional: boolean;
  operand: readonly Site[];
  compares: boolean;
  stage: 'head' | 'pattern' | 'body';
}

export interface Frame {
  readonly kind: FrameKind;
  readonly command: CommandState | undefined;
  /** Arithmetic: open parentheses (or brackets) within, and what ends it. */
  depth: number;
  readonly close: '))' | ']';
  /** Arithmetic of `((…))` rather than `$((…))`. */
  readonly isCommand: boolean;
  /** Braces: whether `'` quotes in there. */
  readonly quotes: boolean;
  /** Here-document: where its body ends and reading goes on. */
  readonly end: number;
  readonly resume: number;
  readonly later: readonly Heredoc[];
  /** Here-document: the interpreter that reads the body as its program. */
  readonly program: string | undefined;
}

/** A here-document whose body has not begun. */
export interface Heredoc {
  readonly delimiter: string;
  readonly quoted: boolean;
  readonly stripsTabs: boolean;
  /** Words of the command that reads it. */
  readonly command: readonly string[];
}

const COMMAND_KINDS: ReadonlySet<FrameKind> = new Set(['top', 'substitution', 'subshell', 'array', 'case']);

export function newFrame(kind: FrameKind, more: Partial<Frame> = {}): Frame {
  const command = COMMAND_KINDS.has(kind) ? newCommand(kind) : undefined;
  const arithmetic = { depth: 0, close: '))', isCommand: false } as const;
  const heredoc = { end: 0, resume: 0, later: [], program: undefined };
  return { kind, command, quotes: true, ...arithmetic, ...heredoc, ...more };
}

function newCommand(kind: FrameKind): CommandState {
  return {
    atCommand: kind !== 'array' && kind !== 'case',
    words: [],
    word: undefined,
    redirected: false,
    conditional: false,
    operand: [],
    compares: false,
    stage: kind === 'case' ? 'head' : 'body',
  };
}

/** Longer words are of no interest: no command or flag is so long. */
const MAX_WORD = 4_096;

export function wordOf(command: CommandState): Word {
  command.word ??= { text: '', quoted: false, sites: [] };
  return command.word;
}

/** Adds literal text to the word under way. */
export function extendWord(command: CommandState, text: string): Word {
  const word = wordOf(command);
  if (word.text.length < MAX_WORD) word.text += text;
  return word;
}

/** What stands for a part of a word that is not literal. */
export const NOT_LITERAL = '\0';
