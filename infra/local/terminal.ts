import { z } from 'zod';
import type { LineListener } from './processGroup.ts';

/** A line of the apps' log, as `shared/platform/log.ts` writes it. */
const logLineSchema = z.looseObject({
  level: z.enum(['info', 'warn', 'error']),
  event: z.string(),
  error: z.string().optional(),
});
const notShown = new Set(['at', 'level', 'app', 'event', 'error', 'traceId']);

/** False for stack frames and for what else Node prints around an error that nobody caught. */
export function isMessage(line: string): boolean {
  return /^(?!node:internal|file:|Node\.js v)[^\s}]/.test(line);
}

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

/** Prints what is worth a look, and stays quiet when a process says it over and over. */
export function terminalPrinter(
  print: (line: string) => void,
  logFile: (name: string) => string,
  now: () => number = Date.now,
): LineListener {
  const stretches = new Map<string, { since: number; lines: number }>();
  return (name, stream, line) => {
    const short = shortLine(name, stream, line);
    if (short === undefined) return;
    let stretch = stretches.get(name);
    if (!stretch || now() - stretch.since > STRETCH_MS) {
      stretches.set(name, (stretch = { since: now(), lines: 0 }));
    }
    stretch.lines += 1;
    if (stretch.lines <= LINES_AT_ONCE) print(short);
    else if (stretch.lines === LINES_AT_ONCE + 1) print(`${name}: more of this in ${logFile(name)}`);
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
