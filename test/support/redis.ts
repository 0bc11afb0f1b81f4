import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from './freePort.ts';

/** A real Redis that keeps nothing on disk: one that was killed comes back empty. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** With SIGKILL. */
  kill(): Promise<void>;
  /** On the same port. Kills it first if it runs. */
  restart(): Promise<void>;
  /** It goes on listening and answers nothing until `thaw`. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

/** Starts the `redis-server` on the PATH, on a free loopback port and in a folder of its own. */
export async function startRedis(): Promise<RedisServer> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'redis-'));
  let child = await launch(port, folder);

  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    kill,
    restart: async () => {
      await kill();
      child = await launch(port, folder);
    },
    freeze: () => child.kill('SIGSTOP'),
    thaw: () => child.kill('SIGCONT'),
    stop: async () => {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function launch(port: number, folder: string): Promise<ChildProcess> {
  const args = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    '--save',
    '',
    '--appendonly',
    'no',
  ];
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const said: string[] = [];
  const ready = new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      said.push(line);
      if (line.includes('Ready to accept connections')) resolve();
    });
    child.once('error', reject);
    child.once('exit', () => {
      reject(new Error(`redis-server ended before it was ready:\n${said.join('\n')}`));
    });
  });
  endWithUs(child);
  await ready;
  return child;
}

/** However this process ends: its end of the pipe closes then, and the shell goes on to its second command. */
function endWithUs(child: ChildProcess): void {
  const guard = spawn('sh', ['-c', `cat > /dev/null; kill -9 ${child.pid}`], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.once('exit', () => {
    guard.kill('SIGKILL');
    guard.stdin.destroy();
  });
}
