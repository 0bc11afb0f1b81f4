import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from './freePort.ts';

export interface Azurite {
  readonly connectionString: string;
  stop(): Promise<void>;
}

const root = join(import.meta.dirname, '../..');
/** Azurite's well-known account: no secret. */
const accountKey = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

/** The table service alone, in a process and on a port of its own, with nothing in it. Ends with its parent. */
export async function startAzurite(): Promise<Azurite> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'azurite-'));
  const child = fork(
    join(root, 'node_modules/azurite/dist/src/table/main.js'),
    [
      '--silent',
      '--skipApiVersionCheck',
      '--disableTelemetry',
      '--inMemoryPersistence',
      '--tablePort',
      String(port),
    ],
    {
      cwd: folder,
      execArgv: ['--import', join(root, 'infra/local/azuriteGuard.ts')],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  );
  const exited = once(child, 'exit');
  const said: string[] = [];
  child.stderr?.on('data', (text: Buffer) => said.push(text.toString()));
  const ready = new Promise<void>((resolve) => {
    if (child.stdout) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        said.push(line);
        if (line.includes('successfully started')) resolve();
      });
    }
  });
  await Promise.race([
    ready,
    exited.then(() => {
      throw new Error(`Azurite ended before it was ready: ${said.join('\n')}`);
    }),
  ]);
  return {
    connectionString: [
      'DefaultEndpointsProtocol=http',
      'AccountName=devstoreaccount1',
      `AccountKey=${accountKey}`,
      `TableEndpoint=http://127.0.0.1:${port}/devstoreaccount1`,
    ].join(';'),
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
