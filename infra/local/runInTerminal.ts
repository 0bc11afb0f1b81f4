import { join, relative } from 'node:path';
import { givenSettings } from './givenSettings.ts';
import { interruption } from './interruption.ts';
import { LocalError } from './localError.ts';
import { nextSteps } from './nextSteps.ts';
import type { StartOptions } from './options.ts';
import type { LineListener } from './processGroup.ts';
import { terminalPrinter } from './terminal.ts';
import { startTopology, type Topology, type TopologyOptions } from './topology.ts';

const PARENT_CHECK_MS = 1_000;

export interface TerminalRun {
  /** The command that the user has typed. */
  readonly command: string;
  /** @throws LocalError when they cannot be read. */
  readonly readOptions: (args: readonly string[]) => StartOptions;
  readonly app?: TopologyOptions['app'];
  /** Runs beside the topology, from the moment when it is ready. */
  readonly whenReady?: (topology: Topology) => Promise<void>;
}

/**
 * Runs the topology until Ctrl-C, or until one of its processes has died too often. Prints what the user needs to know.
 * Then this process ends.
 */
export async function runInTerminal(run: TerminalRun): Promise<never> {
  const signal = interruptionOrOrphaned();
  const complain = (error: unknown) => {
    console.error(error instanceof LocalError ? `${run.command}: ${error.message}` : error);
  };
  try {
    process.exit(await runUntilEnd(run, signal, complain));
  } catch (error) {
    if (signal.aborted) process.exit(0);
    complain(error);
    process.exit(1);
  }
}

/** Aborts on SIGINT, SIGTERM and SIGHUP, and when the parent process is gone. A second signal ends this process at once. */
function interruptionOrOrphaned(): AbortSignal {
  const interrupted = interruption(['SIGINT', 'SIGTERM', 'SIGHUP']);
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) interrupted.abort();
  }, PARENT_CHECK_MS).unref();
  return interrupted.signal;
}

/** Resolves to the exit code. */
async function runUntilEnd(
  { command, readOptions, app, whenReady }: TerminalRun,
  signal: AbortSignal,
  complain: (error: unknown) => void,
): Promise<number> {
  const startedAt = performance.now();
  const options = readOptions(process.argv.slice(2));
  const logDir = relative(process.cwd(), join(options.dataDir, 'logs'));
  const show = terminalPrinter(console.error, (name) => join(logDir, `${name}.log`));
  let stopping = false;
  const onLine: LineListener = (...line) => {
    // Errors of processes that are being stopped are in their logs only.
    if (!stopping && !signal.aborted) show(...line);
  };
  console.log('Starting the gateway, storage, queues and the token issuer ...');
  const { settings, problems } = givenSettings(process.env);
  for (const problem of problems) console.error(`${command}: ${problem}`);
  const topology = await startTopology({
    ...options,
    ...(app && { app }),
    settings,
    signal,
    onLine,
    onRestart: console.error,
  });
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  console.log(`\n${nextSteps(topology, { ...options, logDir, seconds })}`);

  const failed = whenReady?.(topology).catch((error: unknown) => error);
  const end = await Promise.race([topology.failed, whenAborted(signal), ...(failed ? [failed] : [])]);
  stopping = true;
  if (end) complain(end);
  else console.log('\nStopping ...');
  await topology.stop();
  return end ? 1 : 0;
}

function whenAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => {
      resolve(undefined);
    });
  });
}
