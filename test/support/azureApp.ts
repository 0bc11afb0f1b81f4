import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { App } from '../../shared/platform/config/config.ts';

const root = join(import.meta.dirname, '../..');

/** An app in a process of its own, in the local Functions host. */
export interface RunningApp {
  readonly origin: string;
  /** All that it has printed. */
  readonly output: () => string;
  stop(): Promise<void>;
}

/** Starts an app as Azure starts it: with no variable but these. */
export async function startApp(
  app: App,
  appRoot: string,
  port: number,
  environment: Readonly<Record<string, string>>,
): Promise<RunningApp> {
  const child = fork(
    join(root, 'infra/local/functionsHost.ts'),
    ['--port', String(port), '--root', appRoot],
    {
      execArgv: ['--import', join(import.meta.dirname, 'processes/names.ts')],
      // The address at which Azure reaches the app. It answers under this name too.
      env: { ...environment, WEBSITE_SITE_NAME: app, WEBSITE_HOSTNAME: `127.0.0.1:${port}` },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  );
  const printed: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => printed.push(chunk.toString()));
  const output = () => printed.join('');
  const exited = once(child, 'exit');
  const ready = once(child, 'message');
  await Promise.race([
    ready,
    exited.then(() => {
      throw new Error(`the ${app} app ended before it was ready: ${output()}`);
    }),
  ]);
  return { origin: `http://127.0.0.1:${port}`, output, stop: () => stopChild(child, exited) };
}

async function stopChild(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  child.kill('SIGTERM');
  await exited;
}
