/** Commands whose argument is a program: a value set into it becomes part of that program, not of the script. */

const FIRST_ARGUMENT: ReadonlySet<string> = new Set(['awk', 'gawk', 'mawk', 'nawk', 'sed', 'gsed', 'jq']);
const WITH_FLAG = /^(?:python[0-9.]*|pypy[0-9.]*|perl|ruby|node|Rscript|R|julia|lua|php|octave|psql|sqlite3)$/;
const SHELLS: ReadonlySet<string> = new Set(['bash', 'sh', 'dash', 'zsh', 'ksh', 'ash', 'su']);
/** Options of the first kind that take the next word along. */
const TAKES_VALUE: ReadonlySet<string> = new Set(['-v', '-F', '-l', '--arg', '--argjson', '--slurpfile']);

function nameOf(word: string): string {
  return word.slice(word.lastIndexOf('/') + 1);
}

/** The program's interpreter if `word`, after these words of its command, is a program; else undefined. */
export function embeddedIn(words: readonly string[], word: string): string | undefined {
  for (let i = words.length - 1; i >= 0; i--) {
    const name = nameOf(words[i] ?? '');
    const between = words.slice(i + 1);
    if (name === 'eval' || name === 'trap') return name;
    if (name === 'ssh') return between.some((argument) => !argument.startsWith('-')) ? name : undefined;
    if (SHELLS.has(name)) return /^-[a-z]*c$/.test(between.at(-1) ?? '') ? name : undefined;
    if (WITH_FLAG.test(name)) return /^-[a-zA-Z]*[ceE]$/.test(between.at(-1) ?? '') ? name : undefined;
    if (FIRST_ARGUMENT.has(name)) return isProgram(between, word) ? name : undefined;
  }
  return undefined;
}

function isProgram(between: readonly string[], word: string): boolean {
  const last = between.at(-1);
  if (last === '-e' || last === '--expression') return true;
  if (between.includes('-f') || between.includes('-e') || word.startsWith('-')) return false;
  if (last !== undefined && TAKES_VALUE.has(last)) return false;
  if (between.some((argument) => argument.startsWith('--arg'))) return between.length % 3 === 0;
  return between.every((argument, i) => argument.startsWith('-') || TAKES_VALUE.has(between[i - 1] ?? ''));
}

/** The interpreter that reads its program from a here-document, or undefined. */
export function readsProgram(words: readonly string[]): string | undefined {
  const last = words.findLast((word) => word !== '-' && !/^-[a-z]+$/.test(word));
  const name = nameOf(last ?? '');
  return WITH_FLAG.test(name) || SHELLS.has(name) ? name : undefined;
}
