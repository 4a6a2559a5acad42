// Logging as a port. What is logged is for operators; what users see are events and diagnostics.

/** Structured facts first, one sentence second: `log.warn({ workflow, error }, 'reconcile failed, will retry')`. */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

/** An `Error` under `error` is written with its stack. */
export type LogFields = Readonly<Record<string, unknown>>;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};

/**
 * JSON lines on `destination` (a file descriptor, default 2: nothing but results goes to standard output), from
 * `level` on. Lines are written before the call returns, so that the last ones before a crash are not lost.
 *
 * The package is loaded here and not at start, because commands that do not log should not pay for it.
 */
export async function createLogger(options: {
  readonly level: LogLevel;
  readonly destination?: number;
}): Promise<Logger> {
  const { default: pino } = await import('pino');
  const stream = pino.destination({ dest: options.destination ?? 2, sync: true });
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err },
    },
    stream,
  );
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
  };
}
