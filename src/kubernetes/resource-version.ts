/**
 * Which of two versions of one resource is newer: below zero, zero or above zero, as for sorting. A resourceVersion is a
 * decimal of any length without leading zeros (KEP-5505), so the longer one is the larger.
 */
export function compareResourceVersions(left: string, right: string): number {
  if (left.length !== right.length) return left.length - right.length;
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
