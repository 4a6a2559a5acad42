/** The environment that attempts inherit: that of the process that owns the state, without what is ours alone. */
export function processEnvironment(): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env))
    if (value !== undefined && !name.startsWith('FIXPOINT_')) env[name] = value;
  return env;
}
