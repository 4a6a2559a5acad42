import type { Refusal } from './shell-frames.ts';

/** Places of a script that cannot take a reference to a variable, and what to do instead. */

const PLACES = {
  heredoc: { code: 'E-HEREDOC', where: 'in a here-document with a quoted delimiter, where nothing is expanded' },
  backtick: { code: 'E-SCRIPT', where: 'in `…`, where quoting has rules of its own' },
  braces: { code: 'E-SCRIPT', where: 'in ${…}, where the shell may take a value for a pattern or a name' },
  ansi: { code: 'E-SCRIPT', where: "in $'…', where nothing is expanded" },
} as const;

const HINTS = {
  heredoc: 'Put the text into files: [{name: config, content: …}] and use ${{ files.config }}.',
  backtick: 'Write $(…) instead, or pass the value by env.',
  braces: 'Assign it to a variable first (x=${{ … }}), or pass it by env.',
  ansi: 'Close the quotes before it, or pass the value by env or files.',
} as const;

export function refusalFor(kind: keyof typeof PLACES, text: string, at: number): Refusal {
  const { code, where } = PLACES[kind];
  const written = /^\$\{\{[^\n]{0,60}?\}\}/.exec(text.slice(at, at + 64))?.[0] ?? '${{ … }}';
  return { code, message: `${written} stands ${where}.`, hint: HINTS[kind] };
}
