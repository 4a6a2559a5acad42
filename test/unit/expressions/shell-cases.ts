import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';

/** Random shell scripts with values in them, and what they must print: for the tests of the shell lexer. */

export type Shell = 'bash' | 'dash';

/** A piece of shell text, the values that its placeholders stand for, in order, and what it comes to. */
export interface Piece {
  readonly text: string;
  readonly values: readonly (string | bigint)[];
  readonly result: string;
}

const EVIL: readonly string[] = [
  "'; touch x; '",
  '"; touch x; "',
  '$(touch x)',
  '`touch x`',
  '${x:-$(touch x)}',
  '$((a[$(touch x)]))',
  'a[$(touch x)]',
  ') touch x (',
  '\n touch x\n',
  ';;\nesac\ntouch x\n',
  'EOF\ntouch x\nEOF',
  'E1',
  '*',
  '?*[a-z]',
  '-rf',
  '-n',
  '${IFS}',
  '$HOME $x $$ $?',
  '~',
  '{a,b}',
  '#c',
  '!',
  '\\',
  '\\\\n',
  "'",
  '"',
  '',
  ' ',
  '\t',
  'a\n',
  '\n\n',
  'é😀\u0081\u0088\u007f\u0001\u001b',
  'a  b   c',
  '%s\\0',
  '}}',
  '${{ x }}',
];

export const evilText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...EVIL) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...EVIL), fc.constantFrom(...EVIL)).map((pair) => pair.join('')) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replaceAll('\0', '')) },
);

const PLACEHOLDER = '${{ params.v }}';

function piece(text: string, values: Piece['values'], result: string): Piece {
  return { text, values, result };
}

function join2(pieces: readonly Piece[]): Piece {
  return piece(
    pieces.map((part) => part.text).join(''),
    pieces.flatMap((part) => part.values),
    pieces.map((part) => part.result).join(''),
  );
}

function wrap(inner: Piece, before: string, after: string, result: (text: string) => string): Piece {
  return piece(before + inner.text + after, inner.values, result(inner.result));
}

function filled(template: string, literal: string) {
  return evilText.map((value) =>
    piece(
      template.replace('@', () => PLACEHOLDER),
      [value],
      literal.replace('@', () => value),
    ),
  );
}

const plain = fc.constantFrom(
  piece('a#b', [], 'a#b'),
  piece("\\'", [], "'"),
  piece('\\"', [], '"'),
  piece('\\#', [], '#'),
  piece('\\$', [], '$'),
  piece('\'it is # "a" $(b)\'', [], 'it is # "a" $(b)'),
  piece('"it\'s \\" \\$(b) \\`"', [], 'it\'s " $(b) `'),
  piece('${unset-"a}b"}', [], 'a}b'),
  piece('"${unset-$(echo \')\')}"', [], ')'),
  piece('`echo c`', [], 'c'),
  piece('"`echo \\"c d\\"`"', [], 'c d'),
  piece('$((1+(2*3)))', [], '7'),
  piece('$((8 >> 1))', [], '4'),
  piece('\\\n', [], ''),
);

/** One word of a command. */
export const { word, statement } = fc.letrec<{ word: Piece; part: Piece; statement: Piece }>((tie) => {
  const word = fc
    .tuple(tie('part'), fc.array(tie('part'), { maxLength: 2 }))
    .map(([first, rest]) => join2([piece("''", [], ''), first, ...rest]));
  const part = fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    filled('@', '@'),
    filled('"p @ q"', 'p @ q'),
    filled("'p @ q'", 'p @ q'),
    filled("'#@'", '#@'),
    filled("'$@'", '$@'),
    plain,
    fc.integer({ min: -9, max: 9 }).map((n) => piece(`$((5-${PLACEHOLDER}))`, [BigInt(n)], String(5 - n))),
    fc.integer({ min: -9, max: 9 }).map((n) => piece(`"$(( (2*${PLACEHOLDER}) ))"`, [BigInt(n)], String(2 * n))),
    tie('word').map((inner) => wrap(inner, "\"$(printf '%sX' ", ')"', (text) => `${text}X`)),
    tie('word').map((inner) => wrap(inner, "\"$(: $( # it's (\n); printf '%s\"' ", ')"', (text) => `${text}"`)),
    tie('word').map((inner) => wrap(inner, "\"$(case a in a) printf '%s;' ", ' ;; esac)"', (text) => `${text};`)),
    evilText.map((v) => piece(`"$(cat <<E1\nit's ${PLACEHOLDER} "X\nE1\n)"`, [v], `it's ${v} "X`)),
    tie('word').map((inner) => {
      // Bodies end by lines, whatever is open in them: those within one another need delimiters of their own.
      const delimiter = `E${inner.text.length + 10}`;
      return wrap(inner, `"$(cat <<${delimiter}\n$(printf '%s)' `, `)X\n${delimiter}\n)"`, (text) => `${text})X`);
    }),
  );
  const print = tie('word').map((inner) => wrap(inner, "printf '%s\\0' ", '\n', (text) => `${text}\0`));
  const statement = fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    print,
    tie('statement').map((inner) => wrap(inner, '( ', ')\n', (text) => text)),
    tie('statement').map((inner) => wrap(inner, '{ ', '}\n', (text) => text)),
    tie('statement').map((inner) => wrap(inner, '# it\'s "a" ${{ broken\n\n', '', (text) => text)),
    tie('statement').map((inner) => wrap(inner, "if [ $# -eq 0 ]; then # it's\n", 'fi # `\n', (text) => text)),
    tie('statement').map((inner) => wrap(inner, 'f() { ', '}; f\n', (text) => text)),
    tie('statement').map((inner) =>
      wrap(inner, "case 'a)' in\n (b) false;;\n *')'|c) ", ';;\n esac\n', (text) => text),
    ),
    evilText.chain((v) =>
      tie('statement').map((inner) =>
        wrap(
          piece(
            `case ${PLACEHOLDER} in ${PLACEHOLDER}) ${inner.text};; *) echo no;; esac\n`,
            [v, v, ...inner.values],
            inner.result,
          ),
          '',
          '',
          (t) => t,
        ),
      ),
    ),
    fc
      .array(evilText, { maxLength: 3 })
      .map((list) =>
        piece(
          `for i in a ${list.map(() => PLACEHOLDER).join(' ')} b; do printf '%s\\0' "$i"; done\n`,
          list,
          ['a', ...list, 'b', ''].join('\0'),
        ),
      ),
    fc
      .tuple(evilText, evilText)
      .map(([a, b]) =>
        piece(
          `cat <<E1; cat <<-'E2'; cat <<-"E3"; cat <<E4\na${PLACEHOLDER}\\$\nE1\n\tit's\n\tE2\n\t$(\n\tE3\n${PLACEHOLDER}\nE4\nprintf '\\0'\n`,
          [a, b],
          `a${a}$\nit's\n$(\n${b}\n\0`,
        ),
      ),
    fc
      .tuple(evilText, evilText)
      .map(([a, b]) =>
        piece(`cat <<-E1 | cat - ; printf '%s\\0' ${PLACEHOLDER}\n\t${PLACEHOLDER}\n\tE1\n`, [b, a], `${a}\n${b}\0`),
      ),
    evilText.map((v) => piece(`x=${PLACEHOLDER} y="\${x}" ; printf '%s\\0' "$x"\n`, [v], `${v}\0`)),
    evilText.map((v) =>
      piece(
        `printf '%s\\0' 2>&1 a \\\n  # it's no comment of a line\nprintf '%s\\0' ${PLACEHOLDER}\n`,
        [v],
        `a\0${v}\0`,
      ),
    ),
  );
  return { word, part, statement };
});

/** Where dash follows POSIX and bash does not. */
export const dashStatement: fc.Arbitrary<Piece> = evilText.chain((v) =>
  fc.constantFrom(
    piece(`printf '%s\\0' "\${unset-it's}" ${PLACEHOLDER}\n`, [v], `it's\0${v}\0`),
    piece(`cat <<E1; printf '\\0'\n\${unset-it's}${PLACEHOLDER}\nE1\n`, [v], `it's${v}\n\0`),
    piece(`y=ab; printf '%s\\0' "\${y#'a'}${PLACEHOLDER}"\n`, [v], `b${v}\0`),
  ),
);

/** Where only bash agrees. */
export const bashStatement: fc.Arbitrary<Piece> = fc.oneof(
  evilText.map((v) => piece(`printf '%s\\0' "\${unset-'}'}" ${PLACEHOLDER}\n`, [v], `'}'\0${v}\0`)),
  evilText.map((v) => piece(`cat <<<${PLACEHOLDER}; printf '\\0'\n`, [v], `${v}\n\0`)),
  evilText.map((v) => piece(`cat <(printf '%s)' ${PLACEHOLDER}) ; printf '\\0'\n`, [v], `${v})\0`)),
  evilText.map((v) =>
    piece(`a=(1 # it's\n ${PLACEHOLDER} "x ${PLACEHOLDER}")\nprintf '%s\\0' "\${a[@]}"\n`, [v, v], `1\0${v}\0x ${v}\0`),
  ),
  evilText.map((v) => piece(`printf '%s\\0' $'it\\'s' $"a ${PLACEHOLDER}"\n`, [v], `it's\0a ${v}\0`)),
  evilText.map((v) =>
    piece(
      `[[ ( a < b ) && ${PLACEHOLDER} == ${PLACEHOLDER} ]] && printf '%s\\0' ${PLACEHOLDER}\n`,
      [v, v, v],
      `${v}\0`,
    ),
  ),
  fc
    .integer({ min: -9, max: 9 })
    .map((n) => piece(`((k = 1 << (2 - ${PLACEHOLDER} * 0)))\nprintf '%s\\0' "$k"\n`, [BigInt(n)], '4\0')),
  evilText.map((v) =>
    piece(`((echo a); (printf '%s\\0' b)) | cat; printf '%s\\0' ${PLACEHOLDER}\n`, [v], `a\nb\0${v}\0`),
  ),
  evilText.map((v) =>
    piece(`x="a1b"; printf '%s\\0' "\${x//'1'/"}"}" "\${x#'a'}" ${PLACEHOLDER}\n`, [v], `a}b\x001b\0${v}\0`),
  ),
  evilText.map((v) => piece(`for ((i = 0; i < 1; i++)); do printf '%s\\0' ${PLACEHOLDER}; done\n`, [v], `${v}\0`)),
);

/** Runs a script in an empty folder; its output, and the names of files that it left there. */
export function run(shell: Shell, script: string): { output: string; files: readonly string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'fixpoint-shell-'));
  const path = join(tmpdir(), `${folder.slice(folder.lastIndexOf('/') + 1)}.sh`);
  try {
    writeFileSync(path, script);
    let output: string;
    try {
      output = execFileSync(shell, [path], {
        cwd: folder,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: 20_000,
      });
    } catch (error) {
      const failed = error as { stdout?: string; stderr?: string };
      output = `${failed.stdout ?? ''}\nFAILED: ${failed.stderr ?? String(error)}`;
    }
    return { output, files: readdirSync(folder) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(path, { force: true });
  }
}
