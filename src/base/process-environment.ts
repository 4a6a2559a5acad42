/** The environment that attempts inherit: that of the process that owns the state, without what is ours alone. */
export function processEnvironment(): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env))
    if (value !== undefined && !name.startsWith('FIXPOINT_')) env[name] = value;
  return env;
}

/** Whoever started us wants the shell's spawner, also where there is a native one. */
export function wantsShellSpawner(): boolean {
  return process.env['FIXPOINT_SPAWNER'] === 'shell';
}
