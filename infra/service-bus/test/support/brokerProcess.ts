import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** The broker as a process of its own. */
export interface BrokerProcess {
  readonly child: ChildProcess;
  /** Resolves to the port once the broker is ready. Rejects with all of stderr when the process ends before. */
  readonly ready: Promise<number>;
  stdout(): string;
  stderr(): string;
  /** Kills the process at once. */
  kill(): Promise<void>;
}

export function runBroker(args: readonly string[]): BrokerProcess {
  const child = fork(MAIN, args, {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { PATH: process.env['PATH'] },
  });
  let [stdout, stderr] = ['', ''];
  const ready = new Promise<number>((resolve, reject) => {
    child.stdout?.on('data', (text: Buffer) => {
      stdout += text.toString();
      const port = /127\.0\.0\.1:(\d+).*\n/.exec(stdout)?.[1];
      if (port !== undefined) resolve(Number(port));
    });
    child.once('close', () => {
      reject(new Error(stderr));
    });
  });
  // A test that expects no start does not look at this.
  ready.catch(() => undefined);
  child.stderr?.on('data', (text: Buffer) => (stderr += text.toString()));
  return {
    child,
    ready,
    stdout: () => stdout,
    stderr: () => stderr,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}
