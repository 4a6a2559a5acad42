export function buildNative(place: string): string | undefined;
