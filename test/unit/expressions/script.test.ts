import { describe, expect, test } from 'vitest';
import type { Problem } from '../../../src/expressions/problem.ts';
import { parseScript, renderScript, type Script } from '../../../src/expressions/script.ts';
import { ABSENT, type Outcome } from '../../../src/expressions/value.ts';
import { run } from './shell-cases.ts';

const BASH = ['bash', '-euo', 'pipefail'];

function script(text: string, shell: readonly string[] = BASH): Script {
  const parsed = parseScript(text, shell);
  if (!parsed.ok) throw new Error(parsed.error.map((problem) => problem.message).join('; '));
  return parsed.value;
}

function problemsOf(text: string, shell: readonly string[] = BASH): readonly Problem[] {
  const parsed = parseScript(text, shell);
  return parsed.ok ? [] : parsed.error;
}

function body(text: string, ...values: Outcome[]): string {
  const made = renderScript(script(text), values);
  if (!made.ok) throw new Error(made.error.map((problem) => problem.message).join('; '));
  return made.value.body;
}

function refusal(text: string, ...values: Outcome[]): string {
  const made = renderScript(script(text), values);
  return made.ok ? '' : (made.error[0]?.message ?? '');
}

describe('how a reference is written', () => {
  test.each([
    ['cat ${{ params.x }}', ['a'], 'cat "${__fx_0}"'],
    ['cat ${{ params.x }}', [['a', 'b']], 'cat "${__fx_0_0}" "${__fx_0_1}"'],
    ['cat ${{ params.x }} end', [[]], 'cat  end'],
    ['cat ${{ params.x }} end', [ABSENT], 'cat  end'],
    ['cat --in=${{ params.x }}', [ABSENT], 'cat --in="${__fx_0}"'],
    ['x=${{ params.x }}', ['a'], 'x="${__fx_0}"'],
    ['echo "a ${{ params.x }}"', [1.0], 'echo "a ${__fx_0}"'],
    ["echo 'a ${{ params.x }}'", [true], "echo 'a '\"${__fx_0}\"''"],
    ["echo 'a ${{ params.x }}'", [ABSENT], "echo 'a '\"${__fx_0}\"''"],
    ['cat <<E\n${{ params.x }}\nE\n', ['a'], 'cat <<E\n${__fx_0}\nE\n'],
    ['echo $((1 + ${{ params.x }}))', [2n], 'echo $((1 + ${__fx_0}))'],
    ['echo "$(echo ${{ params.x }})"', ['a'], 'echo "$(echo "${__fx_0}")"'],
    ['# ${{ anything }\necho', [], '# ${{ anything }\necho'],
    ['echo ${{ raw(params.x) }} | sort', ['-n *'], 'echo -n * | sort'],
    ['echo `${{ raw(params.x) }}`', ['date'], 'echo `date`'],
    ['case ${{ params.x }} in a) ;; esac', [ABSENT], 'case "${__fx_0}" in a) ;; esac'],
    ['a#${{ params.x }}', ['b'], 'a#"${__fx_0}"'],
  ] as const)('%s with %o', (text, values, expected) => {
    expect(body(text, ...values)).toBe(expected);
  });

  test('the preamble sets variables in single quotes and exports none', () => {
    const made = renderScript(script('a ${{ params.x }} ${{ params.y }}'), ["it's", ['1', '2']]);
    expect(made.ok && made.value.preamble).toBe("__fx_0='it'\\''s'\n__fx_1_0='1'\n__fx_1_1='2'\n");
  });

  test('a negative number in arithmetic keeps its sign to itself', () => {
    const made = renderScript(script('echo $((5-${{ params.n }}))'), [-3n]);
    expect(made.ok && run('dash', made.value.preamble + made.value.body).output).toBe('8\n');
  });
});

describe('values that do not fit their place', () => {
  test.each([
    ['x=${{ params.x }}', [['a', 'b']], 'a part of a word takes one value'],
    ['cat --in=${{ params.x }}', [['a']], 'a part of a word'],
    ['echo "${{ params.x }}"', [['a']], 'a quoted text'],
    ["echo '${{ params.x }}'", [['a']], 'a quoted text'],
    ['cat <<E\n${{ params.x }}\nE', [['a']], 'a here-document'],
    ['cat <<E\n${{ params.x }}\nE', [ABSENT], 'absent'],
    ['echo > ${{ params.x }}', [ABSENT], 'a redirection'],
    ['echo 2>> ${{ params.x }}', [['a', 'b']], 'a redirection'],
    ['echo ${{ params.x }}', [{ a: 1n }], 'is a map'],
    ['echo ${{ params.x }}', [[{ a: 1n }]], 'list of maps'],
    ['echo ${{ params.x }}', ['a\0b'], 'NUL'],
    ['echo ${{ params.x }}', ['\ud800'], 'surrogate'],
    ['echo $((${{ params.x }}))', [ABSENT], 'arithmetic'],
    ['echo $((${{ params.x }}))', [Number.NaN], 'ints and doubles'],
    ['echo ${{ params.x }}', ['a'.repeat(5_000_000)], 'MAX_VALUE_BYTES'],
  ] as const)('%s with %o', (text, values, message) => {
    expect(refusal(text, ...values)).toContain(message);
  });

  const ARITHMETIC = [
    'echo $((${{ params.n }}))',
    'echo "$((1 + (${{ params.n }})))"',
    'echo $((${{ params.n }} << 2)) # <<',
    'echo $[${{ params.n }}]',
    '((k = ${{ params.n }} + 1))',
    'for ((i = 0; i < ${{ params.n }}; i++)); do :; done',
    'a[${{ params.n }}]=1',
    'let k=${{ params.n }}',
    'let "k = ${{ params.n }}"',
    'declare -i k=${{ params.n }}',
    'typeset -xi k="${{ params.n }}"',
    '[[ ${{ params.n }} -eq 3 ]] || :',
    '[[ 3 -le "${{ params.n }}" ]] || :',
    "[[ -z '' && ( 3 -gt '${{ params.n }}' ) ]] || :",
    'if ! [[ a != b && 1 -ne ${{ params.n }} ]]; then :; fi',
    '[ ${{ params.n }} -eq 3 ] || :',
    '[[ -v ${{ params.n }} ]] || :',
    '(exit ${{ params.n }}) || :',
  ];

  test.each(ARITHMETIC)('%s takes numbers only, as the shell would evaluate a text', (text) => {
    expect(refusal(text, 'a[$(touch x)]')).toContain('ints and doubles only');
    const made = renderScript(script(text), [3n]);
    expect(made.ok && run('bash', `set -e\n${made.value.preamble}${made.value.body}\necho fine`).output).toMatch(
      /fine\n$/,
    );
  });

  test.each([
    'unset ${{ params.n }}',
    'read ${{ params.n }}',
    'printf -v ${{ params.n }} 1',
    'declare ${{ params.n }}=1',
    'export ${{ params.n }}',
  ])('%s: a name with a subscript would be evaluated', (text) => {
    expect(refusal(text, 'a[$(touch x)]')).toContain('ints and doubles only');
  });

  test.each([
    '[[ ${{ params.n }} == 3 && -f ${{ params.n }} ]]',
    'export X=${{ params.n }}',
    'declare X="${{ params.n }}"',
    '[ -f ${{ params.n }} ]',
    'printf %s ${{ params.n }}',
    'echo $(( $(wc -l < ${{ params.n }}) ))',
    '( (echo ${{ params.n }}) )',
  ])('%s takes texts', (text) => {
    const { expressions } = script(text);
    expect(refusal(text, ...expressions.map(() => 'a[$(touch x)]'))).toBe('');
  });
});

describe('places that take no value', () => {
  test.each([
    ["cat <<'E'\n${{ params.title }}\nE", 'E-HEREDOC', 'quoted delimiter', 'files: [{name: config'],
    ['cat <<"E" <<\\F\nx\nE\n${{ params.title }}\nF', 'E-HEREDOC', 'quoted delimiter', 'files'],
    ['echo `x ${{ params.x }}`', 'E-SCRIPT', '`…`', '$(…)'],
    ['echo "`x ${{ params.x }}`"', 'E-SCRIPT', '`…`', '$(…)'],
    ['echo ${a:-${{ params.x }}}', 'E-SCRIPT', '${…}', 'env'],
    ['echo "${a:-"${{ params.x }}"}"', 'E-SCRIPT', '${…}', 'env'],
    ["echo $'${{ params.x }}'", 'E-SCRIPT', "$'…'", 'env'],
    ['echo \\${{ params.x }}', 'E-SCRIPT', '\\ directly before', 'expression'],
    ['echo "$${{ params.x }}"', 'E-SCRIPT', '$ directly before', 'expression'],
    ['cat <<${{ params.x }}\n', 'E-SCRIPT', 'must be literal', undefined],
    ['echo ${{ raw(params.x) + "a" }}', 'E-SCRIPT', 'whole expression', undefined],
    ['echo $__fx_0', 'E-SCRIPT', 'reserved', undefined],
    ['echo \0', 'E-SCRIPT', 'NUL', undefined],
    ['echo ${{ params.x', 'E-SYNTAX', 'not closed', undefined],
    ["echo ${{ 'abc }}\n'", 'E-SYNTAX', 'not closed', undefined],
    ['echo ${{ params.trim-reads }}', 'E-MINUS', "params['trim-reads']", undefined],
  ])('%s', (text, code, message, hint) => {
    const [problem] = problemsOf(text);
    expect(problem?.code).toBe(code);
    expect(problem?.message).toContain(message);
    if (hint !== undefined) expect(problem?.hint).toContain(hint);
  });

  test('the problem stands at the placeholder', () => {
    const text = "a\ncat <<'E'\nx ${{ params.title }}\nE";
    const [problem] = problemsOf(text);
    expect(text.slice(problem?.offset, (problem?.offset ?? 0) + (problem?.length ?? 0))).toBe('${{ params.title }}');
    expect(problem?.message).toContain('${{ params.title }} stands');
  });

  test.each([[['python3']], [['/usr/bin/env', '-S', 'Rscript']], [['fish']], [['pwsh', '-File']], [[]]])(
    'a shell that is none, %j, takes no values at all',
    (shell) => {
      expect(problemsOf('print("${{ params.x }}")', shell)[0]?.code).toBe('E-SHELL');
      expect(script('print("it\'s")\n\n# c', shell).literals).toEqual(['print("it\'s")\n\n# c']);
    },
  );

  test.each([[['/bin/sh', '-e']], [['dash']], [['zsh']], [['env', 'A=b', 'bash']], [['busybox', 'sh']]])(
    '%j takes values',
    (shell) => {
      expect(script('echo ${{ params.x }}', shell).expressions).toHaveLength(1);
    },
  );

  test('here-documents nested without end are refused', () => {
    const deep = Array.from({ length: 40 }, (_, i) => `cat <<E${i}\n$(`).join('');
    expect(problemsOf(deep)[0]?.message).toContain('MAX_HEREDOC_DEPTH');
  });
});

describe('what identifies a script', () => {
  test('whole-line comments and blank lines do not count, nor does a last newline', () => {
    const a = script('# one\n\necho a # kept\n  # two\n\necho ${{ params.x }}\n\n');
    expect(a.literals).toEqual(['echo a # kept\necho ', '']);
    expect(script('echo a # kept\necho ${{ params.x }}').literals).toEqual(a.literals);
  });

  test.each([
    ['a "x\n\n# no comment\n"'],
    ["a 'x\n\n# no comment\n'"],
    ['cat <<E\n\n# no comment\nE'],
    ["cat <<'E'\n\n# no comment\nE"],
    ['a \\\n# no line of its own\nb'],
    ['cat <<E\n$(b\n)\n\nE'],
    ['echo $((\n\n1))'],
    ['echo "${a:-\n\n}"'],
  ])('%j counts as it is', (text) => {
    expect(script(text).literals).toEqual([text]);
  });

  test('lines inside substitutions and after here-documents are lines too', () => {
    expect(script('a "$(\n# c\n\nb\n)"\ncat <<E\nx\nE\n\n# c\nd').literals).toEqual(['a "$(\nb\n)"\ncat <<E\nx\nE\nd']);
  });

  test.each([
    ['./call.sh --x', './call.sh'],
    ['# c\n\n  ./call.sh', './call.sh'],
    ['A=1 ./call.sh', './call.sh'],
    ['if ./call.sh; then b; fi', './call.sh'],
    ["'./my call.sh' b", './my call.sh'],
    ['${{ params.x }} ./call.sh', undefined],
    ['./${{ params.x }}.sh', undefined],
    ['"$DIR"/call.sh', undefined],
    ['x=$(./call.sh) b', undefined],
    ['', undefined],
  ])('the first command of %j is %s', (text, command) => {
    expect(script(text).leadingCommand).toBe(command);
  });
});

describe('values that become part of another program', () => {
  test.each([
    ["awk '{print ${{ params.x }}}' f", 'awk'],
    ['srun gawk -F , "\\$1 > ${{ params.x }}" f', 'gawk'],
    ["sed -i 's/a/${{ params.x }}/' f", 'sed'],
    ["sed -n -e 's/a/${{ params.x }}/p' f", 'sed'],
    ['python -c "print(${{ params.x }})"', 'python'],
    ["perl -ne 'print if /${{ params.x }}/' f", 'perl'],
    ["bash -lc 'echo ${{ params.x }}'", 'bash'],
    ['ssh host "rm ${{ params.x }}"', 'ssh'],
    ['eval "echo ${{ params.x }}"', 'eval'],
    ["ls | xargs sh -c 'echo ${{ params.x }}'", 'sh'],
    ['Rscript -e \'f("${{ params.x }}")\'', 'Rscript'],
    ['python - <<E\nprint("${{ params.x }}")\nE', 'python'],
  ])('%s is warned about', (text, program) => {
    const { warnings } = script(text);
    expect(warnings.map((warning) => warning.code)).toEqual(['W-EMBEDDED-PROGRAM']);
    expect(warnings[0]?.message).toContain(` ${program},`);
    expect(warnings[0]?.severity).toBe('warning');
  });

  test.each([
    "awk -v x='${{ params.x }}' '{print x}' f",
    'awk -f prog "${{ params.x }}"',
    "awk '{print}' '${{ params.x }}'",
    'python script.py "${{ params.x }}"',
    'bash -e "${{ params.x }}"',
    "bwa mem -R '@RG\\tID:${{ params.x }}' ref.fa",
    'cat <<E\n${{ params.x }}\nE',
    'grep "${{ params.x }}" f',
  ])('%s is not', (text) => {
    expect(script(text).warnings).toEqual([]);
  });
});
