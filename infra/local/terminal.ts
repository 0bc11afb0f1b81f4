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

/** What the terminal shows of a line that a process said: warnings and errors in short, or nothing. */
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

/** Passes on at most so many lines of a process in each stretch of time; the log has them all. */
const LINES_AT_ONCE = 5;
const STRETCH_MS = 10_000;

/** How Node prints an error that nobody caught: its stack follows in lines that are indented. */
const ERROR_LINE = /^\w*Error(?: \[\w+\])?:/;

/**
 * Prints what is worth a look, and stays quiet when a process says it over and over. An error that ends a process is
 * shown with its stack.
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
