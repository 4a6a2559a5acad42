/** Longer words are not compared: nobody mistypes them, and the table is quadratic in their length. */
const MAX_WORD = 64;

/**
 * The candidate that somebody most likely meant, for "Did you mean …?". The same word in another spelling
 * (`depends_on`, `dependson` for `dependsOn`) wins; else the one with the fewest typing mistakes, at most one in
 * three characters. Ties go to the earlier candidate.
 */
export function closest(word: string, candidates: Iterable<string>): string | undefined {
  if (word === '' || word.length > MAX_WORD) return undefined;
  const plain = flatten(word);
  let best: string | undefined;
  let fewest = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    if (candidate === word) continue;
    if (flatten(candidate) === plain && plain !== '') return candidate;
    if (candidate.length > MAX_WORD || Math.abs(candidate.length - word.length) >= fewest) continue;
    const mistakes = typingMistakes(word, candidate);
    // As many mistakes as letters would be another word altogether.
    if (mistakes < fewest && mistakes < Math.min(word.length, candidate.length)) {
      fewest = mistakes;
      best = candidate;
    }
  }
  return best;
}

function flatten(word: string): string {
  return word.replace(/[-_\s]/g, '').toLowerCase();
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one word into the other. */
export function typingMistakes(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(replaced, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, (before[j - 2] ?? 0) + 1);
      }
      row.push(least);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length] ?? 0;
}
