import { type CommandState, NOT_LITERAL, type Site, type Word } from './shell-frames.ts';

/** What the end of a word means for the command it is in. */

const OPENERS: ReadonlySet<string> = new Set([
  'if',
  'then',
  'elif',
  'else',
  'do',
  'while',
  'until',
  '!',
  '{',
  'time',
  'coproc',
]);
const ARITHMETIC_TESTS: ReadonlySet<string> = new Set(['-eq', '-ne', '-lt', '-le', '-gt', '-ge']);
const DECLARATIONS: ReadonlySet<string> = new Set(['declare', 'typeset', 'local', 'readonly', 'export', 'integer']);
/** Their operands are numbers, or names whose subscripts are evaluated, commands in them included. */
const NAME_COMMANDS: ReadonlySet<string> = new Set(
  'let unset read readarray mapfile getopts exit return shift break continue'.split(' '),
);

export type WordMeaning = 'plain' | 'case' | 'esac' | 'command';

/**
 * Ends the word under way: decides what its sites may hold, and says whether it opens or closes a `case`, or
 * is the name of a command.
 */
export function endWord(command: CommandState): WordMeaning {
  const { word } = command;
  if (word === undefined) return 'plain';
  command.word = undefined;
  const [only] = word.sites;
  if (only !== undefined && word.sites.length === 1 && word.text === NOT_LITERAL && !word.quoted) only.wholeWord = true;
  if (/^[A-Za-z_][A-Za-z0-9_]*\[[^\]]*\0/.test(word.text)) restrict(word.sites);
  if (command.redirected) {
    command.redirected = false;
    for (const site of word.sites) site.target = true;
    return 'plain';
  }
  if (command.stage !== 'body') return endCaseWord(command, word);
  if (command.conditional) return endConditionalWord(command, word);
  return endCommandWord(command, word);
}

function restrict(sites: readonly Site[]): void {
  for (const site of sites) site.numeric = true;
}

/** A subject or a pattern is exactly one word, so nothing in it may become several or none. */
function endCaseWord(command: CommandState, word: Word): WordMeaning {
  for (const site of word.sites) site.wholeWord = false;
  if (command.stage === 'head' && word.text === 'in' && !word.quoted) command.stage = 'pattern';
  else if (command.stage === 'pattern' && word.text === 'esac' && !word.quoted) return 'esac';
  return 'plain';
}

/** `[[ a -eq b ]]` evaluates both sides as arithmetic, and `-v` a name with its subscript. */
function endConditionalWord(command: CommandState, word: Word): WordMeaning {
  for (const site of word.sites) site.wholeWord = false;
  if (word.text === ']]') command.conditional = false;
  endOperand(command, word);
  return 'plain';
}

function endOperand(command: CommandState, word: Word): void {
  if (command.compares) restrict(word.sites);
  command.compares = ARITHMETIC_TESTS.has(word.text) || word.text === '-v' || word.text === '-R';
  if (ARITHMETIC_TESTS.has(word.text)) restrict(command.operand);
  command.operand = word.sites;
}

function endCommandWord(command: CommandState, word: Word): WordMeaning {
  const { text } = word;
  if (!command.atCommand) {
    endArgument(command, word);
    command.words.push(text);
    return 'plain';
  }
  if (!word.quoted) {
    if (OPENERS.has(text)) return 'plain';
    if (text === 'case') return 'case';
    if (text === 'esac') return 'esac';
    if (text === '[[') command.conditional = true;
  }
  // `x=${{ v }} command`: the next word is still the command's name.
  if (/^[A-Za-z_][A-Za-z0-9_]*(\[[^\]]*\])?\+?=/.test(text)) return 'plain';
  command.atCommand = false;
  command.words.push(text);
  return 'command';
}

function endArgument(command: CommandState, word: Word): void {
  const [name = ''] = command.words;
  const before = command.words.at(-1);
  if (NAME_COMMANDS.has(name)) restrict(word.sites);
  if (before === '-v' && name === 'printf') restrict(word.sites);
  if (name === 'test' || name === '[') endOperand(command, word);
  if (!DECLARATIONS.has(name)) return;
  const isInteger = name === 'integer' || command.words.some((flag) => /^-[A-Za-z]*i/.test(flag));
  const equals = word.text.indexOf('=');
  const inName = equals < 0 || word.text.indexOf(NOT_LITERAL) < equals;
  if (isInteger || inName) restrict(word.sites);
}

/** Starts the next simple command of the frame. */
export function nextCommand(command: CommandState, atCommand: boolean): void {
  command.words = [];
  command.redirected = false;
  command.compares = false;
  command.operand = [];
  command.atCommand = atCommand;
}
