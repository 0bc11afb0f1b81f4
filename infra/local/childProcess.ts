/** A local process that has started: the line that it prints, and how to stop it. */
export interface RunningChild {
  readonly line: string;
  stop(): Promise<void>;
}

/** Limit of a graceful stop. Ctrl-C leaves no process behind, because a slower stop is cut short. */
const STOP_WITHIN_MS = 2_000;

/**
 * Runs one local process by the protocol of all local processes. A process that is ready sends `{ type: 'ready' }` to its
 * parent and prints one line on stdout. A start that fails prints one line on stderr and ends with exit code 1. On SIGTERM,
 * on SIGINT and when the parent is gone, the process stops and ends with exit code 0. When the stop fails or takes longer
 * than `stopWithinMs`, it prints one line on stderr and ends with exit code 1.
 */
export async function runChild(
  name: string,
  start: () => Promise<RunningChild>,
  { stopWithinMs = STOP_WITHIN_MS }: { readonly stopWithinMs?: number } = {},
): Promise<void> {
  let running: RunningChild | undefined;
  let stopping = false;

  async function stop(): Promise<void> {
    if (stopping) return;
    stopping = true;
    setTimeout(() => {
      fail(name, new Error(`did not stop within ${stopWithinMs} ms`));
    }, stopWithinMs);
    try {
      await running?.stop();
    } catch (error) {
      fail(name, error);
    }
    process.exit(0);
  }

  for (const event of ['SIGTERM', 'SIGINT', 'disconnect']) process.on(event, () => void stop());
  try {
    running = await start();
  } catch (error) {
    fail(name, error);
  }
  console.log(running.line);
  if (process.connected) process.send?.({ type: 'ready' });
}

function fail(name: string, error: unknown): never {
  console.error(`${name}: ${describe(error)}`);
  process.exit(1);
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ('code' in error && error.code === 'EADDRINUSE' && 'port' in error) {
    return `port ${String(error.port)} is already in use`;
  }
  return error.message.split('\n', 1)[0] ?? error.name;
}
