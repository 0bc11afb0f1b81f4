import { join, relative } from 'node:path';
import { LocalError } from './localError.ts';
import { nextSteps } from './nextSteps.ts';
import { startOptions } from './options.ts';
import type { LineListener } from './processGroup.ts';
import { terminalPrinter } from './terminal.ts';
import { startTopology } from './topology.ts';

const PARENT_CHECK_MS = 1_000;
/** One Ctrl-C arrives twice under npm: from the terminal, and passed on by npm. */
const SAME_SIGNAL_MS = 500;
const INTERRUPTED = 130;

/** Aborts on Ctrl-C and its like, or when whoever started this is gone; a second signal ends all at once. */
function interruption(): AbortSignal {
  const interrupted = new AbortController();
  let interruptedAt = 0;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (!interrupted.signal.aborted) interruptedAt = performance.now();
      else if (performance.now() - interruptedAt > SAME_SIGNAL_MS) process.exit(INTERRUPTED);
      interrupted.abort();
    });
  }
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) interrupted.abort();
  }, PARENT_CHECK_MS).unref();
  return interrupted.signal;
}

async function start(signal: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  const options = startOptions(process.argv.slice(2));
  const logDir = relative(process.cwd(), join(options.dataDir, 'logs'));
  const show = terminalPrinter(console.error, (name) => join(logDir, `${name}.log`));
  let stopping = false;
  const onLine: LineListener = (...line) => {
    // Complaints of what is being stopped are of no interest; the logs have them.
    if (!stopping && !signal.aborted) show(...line);
  };
  console.log('Starting the gateway and what it stands on ...');
  const topology = await startTopology({ ...options, signal, onLine });
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  console.log(`\n${nextSteps(topology, { ...options, logDir, seconds })}`);

  const death = await Promise.race([topology.died, whenAborted(signal)]);
  stopping = true;
  if (death) complain(death);
  else console.log('\nStopping ...');
  await topology.stop();
  process.exit(death ? 1 : 0);
}

function complain(error: unknown): void {
  console.error(error instanceof LocalError ? `npm start: ${error.message}` : error);
}

function whenAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => {
      resolve(undefined);
    });
  });
}

const signal = interruption();
try {
  await start(signal);
} catch (error) {
  if (signal.aborted) process.exit(0);
  complain(error);
  process.exit(1);
}
