/** What the path said: decoded, and safe as a name (no slash, no dots alone, no control characters). */
export interface Match {
  readonly namespace: string | undefined;
  readonly name: string | undefined;
}
