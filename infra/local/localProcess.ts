import { type ChildProcess, spawn } from 'node:child_process';
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
  /** Resolves when the process is ready. Only for programs that send no `ready` message. */
  readonly ready?: (signal: AbortSignal) => Promise<void>;
}

export interface Output {
  readonly logFile: string;
  readonly onLine: (stream: 'stdout' | 'stderr', line: string) => void;
}

export interface LocalProcess {
  /** Rejects when the process ends, or takes too long, before it is ready. */
  readonly ready: Promise<void>;
  /** Resolves when the process has ended: to the reason, or to `undefined` after `stop` or `kill`. */
  readonly ended: Promise<LocalError | undefined>;
  /** Sends SIGTERM. Sends SIGKILL when the process has not ended after 15 s. */
  stop(): Promise<void>;
  kill(): Promise<void>;
}

const READY_WITHIN_MS = 30_000;
/** Longer than the limit that any process has for its own stop. */
const STOP_WITHIN_MS = 15_000;

export function startProcess(spec: ProcessSpec, output: Output): LocalProcess {
  const [program, ...args] = spec.command;
  const child = spawn(program, args, {
    env: spec.env,
    // Nothing is written to stdin. It closes when this process ends, and programs without IPC can see that.
    stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
    // In its own process group it gets no Ctrl-C from the terminal, so that this process decides the order of stopping.
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
  // A caller that stops a starting process does not wait for `ready`.
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

/** Writes all output of the process to its log. Returns a function that gives the last message on stderr. */
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

/** Returns false for stack frames and for other lines that Node prints around an uncaught error. */
export function isMessage(line: string): boolean {
  return /^(?!node:internal|file:|Node\.js v)[^\s}]/.test(line);
}
