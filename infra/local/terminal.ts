import { z } from 'zod';
import { isMessage } from './localProcess.ts';
import type { LineListener } from './processGroup.ts';

/** A line of the apps' log, as `shared/platform/telemetry/log.ts` writes it. */
const logLineSchema = z.looseObject({
  level: z.enum(['info', 'warn', 'error']),
  event: z.string(),
  error: z.string().optional(),
});
const notShown = new Set(['at', 'level', 'app', 'event', 'error', 'traceId']);

/** Returns the short form of a line for the terminal, or `undefined` for lines that are no warning and no error. */
export function shortLine(name: string, stream: 'stdout' | 'stderr', line: string): string | undefined {
  const entry = logLineSchema.safeParse(parseJson(line));
  if (!entry.success) {
    return stream === 'stderr' && isMessage(line) ? shorten(`${name}: ${line}`) : undefined;
  }
  const { level, event, error, ...fields } = entry.data;
  if (level === 'info') return undefined;
  const details = Object.entries(fields)
    .filter(([field]) => !notShown.has(field))
    .map(([field, value]) => `${field}=${String(value)}`);
  const cause = error === undefined ? [] : [error.split('\n', 1)[0]];
  return shorten(`${name}: ${[level, event, ...details, ...cause].join(' ')}`);
}

/** The terminal shows at most this many lines of a process in each period. The log has all of them. */
const LINES_AT_ONCE = 5;
const STRETCH_MS = 10_000;

/** The first line of an uncaught error. Its stack follows in indented lines. */
const ERROR_LINE = /^\w*Error(?: \[\w+\])?:/;

/**
 * Prints warnings and errors, and limits how many lines of one process it prints. It prints the error that ends a process
 * with its stack.
 */
export function terminalPrinter(
  print: (line: string) => void,
  logFile: (name: string) => string,
  now: () => number = Date.now,
): LineListener {
  const stretches = new Map<string, { since: number; lines: number; inStack: boolean }>();
  return (name, stream, line) => {
    const known = stretches.get(name);
    if (known?.inStack && stream === 'stderr' && /^\s+\S/.test(line)) {
      if (!line.includes('node:internal')) print(shorten(`${name}: ${line}`));
      return;
    }
    if (known) known.inStack = false;
    const short = shortLine(name, stream, line);
    if (short === undefined) return;
    const isOver = !known || now() - known.since > STRETCH_MS;
    const stretch = isOver ? { since: now(), lines: 0, inStack: false } : known;
    stretches.set(name, stretch);
    stretch.lines += 1;
    if (stretch.lines <= LINES_AT_ONCE) {
      print(short);
      stretch.inStack = ERROR_LINE.test(line);
    } else if (stretch.lines === LINES_AT_ONCE + 1) print(`${name}: more of this in ${logFile(name)}`);
  };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

const shorten = (line: string): string => (line.length > 200 ? `${line.slice(0, 199)}…` : line);
