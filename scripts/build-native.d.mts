export function buildNative(place: string, linkings?: readonly (readonly string[])[]): string | undefined;
