import { fork } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from './freePort.ts';

/** The table service of Azurite. */
export interface Azurite {
  readonly connectionString: string;
  stop(): Promise<void>;
}

export interface SecureAzurite extends Azurite {
  readonly port: number;
}

interface AzuriteProcess {
  readonly port: number;
  connectionString(account: string): string;
  stop(): Promise<void>;
}

const root = join(import.meta.dirname, '../..');
/** Azurite's well-known key, which is no secret. Every account here has it. */
const accountKey = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';
const accounts = Array.from({ length: 200 }, (_, index) => `account${index}`);

/** The process that the test files of one worker share. It ends with the worker. */
let shared: Promise<AzuriteProcess> | undefined;
let used = 0;

/**
 * Returns an empty storage account for one test file, at the Azurite of this worker.
 * With `alone`, Azurite runs in a process of its own, which `stop` ends.
 */
export async function startAzurite({ alone = false } = {}): Promise<Azurite> {
  const process = await (alone ? launch() : (shared ??= launch()));
  const account = accounts[used++];
  if (account === undefined) throw new Error(`One worker has ${accounts.length} accounts at most`);
  return {
    connectionString: process.connectionString(account),
    stop: () => (alone ? process.stop() : Promise.resolve()),
  };
}

/** Files in PEM. */
interface TlsFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** The table service of one account over TLS. It takes the account's key, and tokens of Entra whose signature it does not check. */
export async function startSecureAzurite(account: string, tls: TlsFiles): Promise<SecureAzurite> {
  const process = await launch([account], tls);
  return {
    port: process.port,
    connectionString: [
      'DefaultEndpointsProtocol=https',
      `AccountName=${account}`,
      `AccountKey=${accountKey}`,
      `TableEndpoint=https://localhost:${process.port}/${account}`,
    ].join(';'),
    stop: () => process.stop(),
  };
}

async function launch(names: readonly string[] = accounts, tls?: TlsFiles): Promise<AzuriteProcess> {
  const port = await freePort();
  const child = fork(
    join(root, 'node_modules/azurite/dist/src/table/main.js'),
    [
      '--silent',
      '--skipApiVersionCheck',
      '--disableTelemetry',
      '--inMemoryPersistence',
      '--tablePort',
      String(port),
      ...(tls ? ['--oauth', 'basic', '--cert', tls.certificateFile, '--key', tls.keyFile] : []),
    ],
    {
      cwd: tmpdir(),
      env: { ...process.env, AZURITE_ACCOUNTS: names.map((name) => `${name}:${accountKey}`).join(';') },
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
    port,
    connectionString: (account) =>
      [
        'DefaultEndpointsProtocol=http',
        `AccountName=${account}`,
        `AccountKey=${accountKey}`,
        `TableEndpoint=http://127.0.0.1:${port}/${account}`,
      ].join(';'),
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
