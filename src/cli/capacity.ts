import { parseQuantity } from '../base/quantity.ts';
import type { CommandContext } from './command.ts';
import { usage } from './exit-code.ts';

/** What tasks may use of this machine; absent: what the home finds. */
export interface Capacity {
  readonly cpus?: number;
  readonly memoryBytes?: number;
  readonly gpus?: number;
}

/** Flags over what the configuration says. */
export function capacityOf(context: CommandContext, configured: Capacity): Capacity {
  const cpus = quantity(context, 'cpus');
  const memoryBytes = quantity(context, 'memory');
  const gpus = context.count('gpus');
  return {
    ...configured,
    ...(cpus === undefined ? {} : { cpus }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(gpus === undefined ? {} : { gpus }),
  };
}

function quantity(context: CommandContext, option: 'cpus' | 'memory'): number | undefined {
  const text = context.text(option);
  if (text === undefined) return undefined;
  const parsed = parseQuantity(text);
  if (!parsed.ok) throw usage(`--${option} ${text}: ${parsed.error}`);
  if (parsed.value <= 0) throw usage(`--${option} ${text}: must be more than nothing`);
  return parsed.value;
}
