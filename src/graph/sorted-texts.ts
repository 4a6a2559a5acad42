export function reversed(text: string): string {
  return text.split('').reverse().join('');
}

/** Where those stand that begin with `start`, among texts sorted by code units, as `sort` does it without a function. */
export function rangeOf(sorted: readonly string[], start: string): { readonly from: number; readonly to: number } {
  const from = firstWhere(sorted, 0, (text) => text >= start);
  return { from, to: firstWhere(sorted, from, (text) => !text.startsWith(start)) };
}

/** `holds` is false for some first ones and true for all others. */
function firstWhere(sorted: readonly string[], from: number, holds: (text: string) => boolean): number {
  let low = from;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(sorted[middle] as string)) high = middle;
    else low = middle + 1;
  }
  return low;
}
