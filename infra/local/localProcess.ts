import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { LocalError } from './localError.ts';

/** What a process needs to start. It follows the protocol of `childProcess.ts`, unless `ready` says otherwise. */
export interface ProcessSpec {
  readonly name: string;
  /** A program and its arguments. */
  readonly command: readonly [program: string, ...args: string[]];
  readonly env: Readonly<Record<string, string>>;
  /** How to learn that it is ready, for one that sends no message. */
  readonly ready?: (signal: AbortSignal) => Promise<void>;
}

export interface Output {
  readonly logFile: string;
  readonly onLine: (stream: 'stdout' | 'stderr', line: string) => void;
}

export interface LocalProcess {
  /** Rejects when the process ends, or takes too long, before it is ready. */
  readonly ready: Promise<void>;
  /** Resolves when the process has ended: with the reason when nobody asked it to, else with nothing. */
  readonly ended: Promise<LocalError | undefined>;
  /** Asks it to stop, and kills it when it takes too long. */
  stop(): Promise<void>;
  kill(): Promise<void>;
}

const READY_WITHIN_MS = 30_000;
/** Longer than any process gives itself. */
const STOP_WITHIN_MS = 15_000;

export function startProcess(spec: ProcessSpec, output: Output): LocalProcess {
  const [program, ...args] = spec.command;
  const child = spawn(program, args, {
    env: spec.env,
    // Nobody writes to its stdin: it ends when this process does, which programs that know no IPC can notice.
    stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
    // In a group of its own, a Ctrl-C at the terminal does not reach it: the order of stopping is ours.
    detached: process.platform !== 'win32',
  });
  const lastError = writeOutput(child, output);
  let asked = false;

  const ended = new Promise<LocalError | undefined>((resolve) => {
    const end = (how: string) => {
      resolve(asked ? undefined : new LocalError(`${spec.name} ${how}. Its log: ${output.logFile}`));
    };
    child.once('close', (code, signal) => {
      // A process that was killed had no time to say why.
      const said = signal !== 'SIGKILL' && lastError() ? `: ${lastError()}` : '';
      end((signal ? `was ended by ${signal}` : `ended with exit code ${String(code)}`) + said);
    });
    child.once('error', (error) => {
      if (child.pid === undefined) end(`did not start: ${error.message}`);
    });
  });

  const waited = new AbortController();
  const ready = Promise.race([
    spec.ready?.(waited.signal) ?? readyMessage(child),
    ended.then((death) => {
      throw death ?? new LocalError(`${spec.name} was stopped before it was ready`);
    }),
    sleep(READY_WITHIN_MS, undefined, { signal: waited.signal }).then(() => {
      throw new LocalError(
        `${spec.name} was not ready within ${READY_WITHIN_MS} ms. Its log: ${output.logFile}`,
      );
    }),
  ]).finally(() => {
    waited.abort();
  });
  // Whoever stops a process that is still starting need not look at this.
  ready.catch(() => undefined);

  const signalAndWait = async (signal: NodeJS.Signals) => {
    asked = true;
    child.kill(signal);
    const killing = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
    await ended;
    clearTimeout(killing);
  };
  return {
    ready,
    ended,
    stop: () => signalAndWait('SIGTERM'),
    kill: () => signalAndWait('SIGKILL'),
  };
}

function readyMessage(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.on('message', (message) => {
      if (typeof message === 'object' && 'type' in message && message.type === 'ready') resolve();
    });
  });
}

/** Keeps all that the process says in its log. The answer tells its last message on stderr. */
function writeOutput(child: ChildProcess, { logFile, onLine }: Output): () => string {
  const log = createWriteStream(logFile, { flags: 'a' });
  log.once('error', (error) => {
    onLine('stderr', `no log from here on: ${error.message}`);
  });
  let lastError = '';
  for (const stream of ['stdout', 'stderr'] as const) {
    const input = child[stream];
    if (!input) continue;
    createInterface({ input }).on('line', (line) => {
      log.write(line + '\n');
      if (stream === 'stderr' && isMessage(line)) lastError = line;
      onLine(stream, line);
    });
  }
  child.once('close', () => log.end());
  return () => lastError;
}

/** False for stack frames and for what else Node prints around an error that nobody caught. */
export function isMessage(line: string): boolean {
  return /^(?!node:internal|file:|Node\.js v)[^\s}]/.test(line);
}
