import type { LogLevel } from './coreTypes.ts';

const SEVERITY: Record<LogLevel, number> = {
  trace: 0,
  debug: 1,
  information: 2,
  warning: 3,
  error: 4,
  critical: 5,
  none: 6,
};

export type Log = (level: LogLevel, message: string) => void;

/** Writes lines of at least the given level: warnings and worse to stderr, the rest to stdout. */
export function createLog(minimum: LogLevel): Log {
  return (level, message) => {
    if (level === 'none' || SEVERITY[level] < SEVERITY[minimum]) return;
    if (SEVERITY[level] >= SEVERITY.warning) console.error(message);
    else console.log(message);
  };
}

/** An error with its stack, and those of the errors that caused it. */
export function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const stack = error.stack ?? error.message;
  return error.cause === undefined ? stack : `${stack}\ncaused by ${stackOf(error.cause)}`;
}
