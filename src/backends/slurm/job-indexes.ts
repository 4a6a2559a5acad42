/**
 * Indexes of array elements as Slurm writes them: `0-3,7,10-20:5%4`, where `%4` only says how many run at once.
 */

/** Undefined: not such a text (squeue writes `N/A` for a job that is no array). */
export function parseIndexes(
  text: string,
): readonly (readonly [first: number, last: number, step: number])[] | undefined {
  const [list = ''] = text.replace(/^\[|\]$/g, '').split('%', 1);
  if (list === '') return undefined;
  const ranges: [number, number, number][] = [];
  for (const part of list.replace(/\]$/, '').split(',')) {
    const found = /^(\d+)(?:-(\d+)(?::(\d+))?)?$/.exec(part);
    if (!found) return undefined;
    ranges.push([Number(found[1]), Number(found[2] ?? found[1]), Math.max(1, Number(found[3] ?? 1))]);
  }
  return ranges;
}

/** The shortest text for these indexes, sorted: `0-3,7`. */
export function foldIndexes(indexes: Iterable<number>): string {
  const sorted = [...new Set(indexes)].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let i = 0; i < sorted.length; ) {
    let end = i;
    while (sorted[end + 1] === (sorted[end] as number) + 1) end++;
    parts.push(end === i ? String(sorted[i]) : `${sorted[i]}-${sorted[end]}`);
    i = end + 1;
  }
  return parts.join(',');
}
