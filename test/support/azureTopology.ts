import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TableServiceClient } from '@azure/data-tables';
import { startBroker } from '@mcp-registry-gateway/service-bus';
import { Redis } from 'ioredis';
import { buildApps } from '../../infra/build.ts';
import topology from '../../infra/topology.json' with { type: 'json' };
import type { App } from '../../shared/platform/config/config.ts';
import { type RunningApp, startApp } from './azureApp.ts';
import { azureSettings } from './azureSettings.ts';
import { startSecureAzurite } from './azurite.ts';
import { azuriteFront } from './azuriteFront.ts';
import { makeCertificate } from './certificate.ts';
import { freePort } from './freePort.ts';
import { type AssignedIdentity, type IdentityEndpoint, startIdentityEndpoint } from './identityEndpoint.ts';
import { startRedis } from './redis.ts';
import { ENTRA, type StandInEntra, startStandInEntra } from './standInEntra.ts';
import { tlsFront } from './tlsFront.ts';

const root = join(import.meta.dirname, '../..');
const ACCOUNT = 'stdataexample';
const TABLES = `${ACCOUNT}.table.core.windows.net`;
const REDIS = 'redis-example.westeurope.redis.azure.net';

/** The user-assigned identity of each app. */
export const identities: Readonly<Record<App, AssignedIdentity>> = {
  management: {
    clientId: 'a1b2c3d4-1111-4111-8111-000000000001',
    objectId: 'a1b2c3d4-2222-4222-8222-000000000001',
  },
  mcp: {
    clientId: 'a1b2c3d4-1111-4111-8111-000000000002',
    objectId: 'a1b2c3d4-2222-4222-8222-000000000002',
  },
};

/** The built apps with the settings of Azure. All that they reach is behind TLS, under the names that it has in Azure. */
export interface AzureTopology {
  readonly apps: Readonly<Record<App, RunningApp>>;
  readonly identityEndpoint: IdentityEndpoint;
  readonly entra: StandInEntra;
  /** Of a Redis that knows the tokens of the identities, where there is a `redis-server`. */
  readonly redis: Redis | undefined;
  stop(): Promise<void>;
}

export interface AzureTopologyOptions {
  /** Loopback ports of further servers, by the names under which the apps reach them. */
  readonly servers: Readonly<Record<string, number>>;
  /** `MREG_CREDENTIALS`. */
  readonly credentials: string;
  readonly withRedis: boolean;
}

export async function startAzureTopology(options: AzureTopologyOptions): Promise<AzureTopology> {
  const closing: (() => unknown)[] = [];
  const opened = <T>(value: T, close: () => unknown): T => {
    closing.unshift(close);
    return value;
  };
  const stop = async () => {
    for (const close of closing.splice(0)) await close();
  };
  try {
    return { ...(await startParts(options, opened)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Opened = <T>(value: T, close: () => unknown) => T;

async function startParts(
  { servers, credentials, withRedis }: AzureTopologyOptions,
  opened: Opened,
): Promise<Omit<AzureTopology, 'stop'>> {
  const folder = await mkdtemp(join(tmpdir(), 'azure-'));
  opened(folder, () => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const written = await azureSettings('mcp', computedSettings('mcp', credentials));
  const namespace = written['MREG_SERVICE_BUS__fullyQualifiedNamespace'] ?? '';
  const ports = { management: await freePort(), mcp: await freePort() };
  const hosts = {
    ...servers,
    [hostOf(written['MREG_MANAGEMENT_ORIGIN'])]: ports.management,
    [hostOf(written['MREG_PUBLIC_ORIGIN'])]: ports.mcp,
  };

  const certificate = makeCertificate(['localhost', ENTRA, TABLES, REDIS, namespace, ...Object.keys(hosts)]);
  const certificateFile = join(folder, 'certificate.pem');
  const keyFile = join(folder, 'key.pem');
  await writeFile(certificateFile, certificate.certificate);
  await writeFile(keyFile, certificate.key, { mode: 0o600 });
  const behindTls = async (port: number) => {
    const front = await tlsFront(certificate, port);
    return opened(front.port, () => front.close());
  };

  const azurite = await startSecureAzurite(ACCOUNT, { certificateFile, keyFile });
  opened(azurite, () => azurite.stop());
  const account = TableServiceClient.fromConnectionString(azurite.connectionString, {
    tlsOptions: { ca: certificate.certificate },
  });
  for (const name of topology.tables) await account.createTable(name);
  const tables = await azuriteFront(certificate, { account: ACCOUNT, host: TABLES, port: azurite.port });
  opened(tables, () => tables.close());

  const queues = [...topology.agents, ...topology.queues].map(
    ({ name }) => [name, topology.queueSettings] as const,
  );
  const broker = await startBroker({ port: 0, queues: Object.fromEntries(queues) });
  opened(broker, () => broker.stop());
  const server = withRedis ? await startRedis() : undefined;
  opened(server, () => server?.stop());
  const redis = server && new Redis(server.url);
  opened(redis, () => redis?.disconnect());
  const signInClientId = written['MREG_SIGN_IN_CLIENT_ID'];
  const entra = await startStandInEntra({
    clientId: written['MREG_API_CLIENT_ID'] ?? '',
    tenantId: written['MREG_TENANTS']?.split(',')[0] ?? '',
    ...(signInClientId !== undefined && {
      signIn: {
        clientId: signInClientId,
        redirectUris: [`${written['MREG_PUBLIC_ORIGIN'] ?? ''}/oauth/callback`],
      },
    }),
    identities: Object.values(identities).map(({ objectId }) => objectId),
  });
  opened(entra, () => entra.close());
  const identityEndpoint = await startIdentityEndpoint(Object.values(identities), async (issued) => {
    const { resource, objectId, token } = issued;
    // Azure Managed Redis knows each token as a password of the identity's user.
    if (resource === 'https://redis.azure.com')
      await redis?.call('ACL', 'SETUSER', objectId, 'on', `>${token}`, '~*', '&*', '+@all');
  });
  opened(identityEndpoint, () => identityEndpoint.close());

  const names: Record<string, number> = {
    [ENTRA]: await behindTls(entra.port),
    [TABLES]: tables.port,
    [namespace]: await behindTls(broker.port),
    ...(server && { [REDIS]: await behindTls(server.port) }),
  };
  for (const [name, port] of Object.entries(hosts)) names[name] = await behindTls(port);

  const appRoot = join(folder, 'app');
  await buildApps({ outDir: join(appRoot, 'dist') });
  await Promise.all(['host.json', 'package.json'].map((file) => cp(join(root, file), join(appRoot, file))));
  const start = async (app: App) => {
    const {
      MREG_REDIS_URL: redisUrl,
      // No worker of an external agent runs here.
      MREG_EXTERNAL_AGENTS: _,
      ...settings
    } = await azureSettings(app, computedSettings(app, credentials));
    const environment = {
      ...settings,
      ...(server && redisUrl !== undefined && { MREG_REDIS_URL: redisUrl }),
      ...identityEndpoint.environment,
      NODE_EXTRA_CA_CERTS: certificateFile,
      TEST_NAMES: JSON.stringify(names),
    };
    const running = await startApp(app, appRoot, ports[app], environment);
    return opened(running, () => running.stop());
  };
  return {
    apps: { management: await start('management'), mcp: await start('mcp') },
    identityEndpoint,
    entra,
    redis,
  };
}

const hostOf = (origin = ''): string => new URL(origin).host;

/** The values that Azure computes for the settings of an app. */
const computedSettings = (app: App, credentials: string): Readonly<Record<string, string>> => ({
  MREG_TABLES: `https://${TABLES}`,
  MREG_REDIS_URL: `rediss://${REDIS}:10000`,
  MREG_SEALING_KEYS: 'a-sealing-key-that-the-key-vault-would-hold',
  MREG_CREDENTIALS: credentials,
  AZURE_CLIENT_ID: identities[app].clientId,
  MREG_SERVICE_BUS__clientId: identities[app].clientId,
  AzureWebJobsStorage__clientId: identities[app].clientId,
  APPLICATIONINSIGHTS_CONNECTION_STRING: 'InstrumentationKey=00000000-0000-0000-0000-000000000000',
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: `ClientId=${identities[app].clientId};Authorization=AAD`,
});
