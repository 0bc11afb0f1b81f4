import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { TableServiceClient } from '@azure/data-tables';
import { connectionStringFor, startBroker } from '@mcp-registry-gateway/service-bus';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { InfrastructureError } from '../../shared/platform/base/errors.ts';
import { readBuildInfo } from '../../shared/platform/config/buildInfo.ts';
import type { Config } from '../../shared/platform/config/config.ts';
import { openOutboundClient } from '../../shared/platform/outbound/outboundClient.ts';
import { openAskQueues } from '../../shared/platform/serviceBus/queueStates.ts';
import { openListTables } from '../../shared/platform/tables/openTables.ts';
import { appRegistrationValidation } from '../../shared/specialists/mcp-deployment-specialist/appRegistration.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';

const { signal } = new AbortController();
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

describe('queues', () => {
  const settings = {
    lockDurationSeconds: 30,
    maxDeliveryCount: 5,
    duplicateDetectionWindowSeconds: 600,
    defaultTimeToLiveSeconds: 3600,
  };

  test('are there or missing, as Service Bus says', async () => {
    const broker = await startBroker({ port: 0, queues: { here: settings } });
    closing.push(() => broker.stop());
    const ask = openAskQueues({ connectionString: broker.connectionString });
    expect(Object.fromEntries(await ask(['here', 'gone'], signal))).toEqual({
      here: 'present',
      gone: 'missing',
    });
  });

  test('are unreachable, and not missing, where something listens that never answers', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    closing.push(() => Promise.resolve(silent.close()));
    const ask = openAskQueues({ connectionString: connectionStringFor(port) });
    const asked = await ask(['here'], AbortSignal.timeout(300));
    expect(Object.fromEntries(asked)).toEqual({ here: 'unreachable' });
  });
});

describe('tables', () => {
  let azurite: Azurite;
  beforeAll(async () => {
    azurite = await startAzurite();
  });
  afterAll(() => azurite.stop());

  test('are listed by name', async () => {
    const options = { allowInsecureConnection: true };
    const service = TableServiceClient.fromConnectionString(azurite.connectionString, options);
    for (const name of ['one', 'two']) await service.createTable(name);
    expect([...(await openListTables(azurite.connectionString)(signal))].sort()).toEqual(['one', 'two']);
  });

  test('of an account with another key are a fault, and not none', async () => {
    const wrong = azurite.connectionString.replace(/AccountKey=[^;]*/, 'AccountKey=YQ==');
    await expect(openListTables(wrong)(signal)).rejects.toBeInstanceOf(InfrastructureError);
  });
});

test('code that was not built says so, with a key that no other has', async () => {
  const [one, two] = [await readBuildInfo(), await readBuildInfo()];
  expect(one).toMatchObject({ version: 'unbuilt', build: 'unbuilt' });
  expect(one.fingerprintKey).not.toBe(two.fingerprintKey);
});

describe('the app registration', () => {
  const tenant = '11111111-1111-4111-8111-111111111111';
  type Answers = Readonly<Record<string, unknown>>;

  /** An authority that answers with these documents, and 404 where there is none. */
  async function authorityWith(answers: (origin: string) => Answers): Promise<string> {
    const server = createHttpServer((request, response) => {
      const body = answers(origin)[request.url ?? ''];
      response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' });
      response.end(typeof body === 'string' ? body : JSON.stringify(body ?? {}));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    closing.push(() => Promise.resolve(server.close()));
    return origin;
  }
  const healthy = (origin: string): Answers => ({
    [`/${tenant}/v2.0/.well-known/openid-configuration`]: {
      issuer: `${origin}/${tenant}/v2.0`,
      jwks_uri: `${origin}/${tenant}/discovery/v2.0/keys`,
    },
    [`/${tenant}/discovery/v2.0/keys`]: {
      keys: [{ kty: 'RSA', kid: '1', issuer: `${origin}/{tenantid}/v2.0` }],
    },
  });
  const discovery = (more: (origin: string) => object) => (origin: string) => ({
    ...healthy(origin),
    [`/${tenant}/v2.0/.well-known/openid-configuration`]: {
      issuer: `${origin}/${tenant}/v2.0`,
      jwks_uri: `${origin}/${tenant}/discovery/v2.0/keys`,
      ...more(origin),
    },
  });
  const keys = (document: unknown) => (origin: string) => ({
    ...healthy(origin),
    [`/${tenant}/discovery/v2.0/keys`]: document,
  });

  async function validate(
    answers: (origin: string) => Answers,
    apiClientId = 'c4d0e9b8-5f61-4a3e-b2d7-1f8c6a7e9d0b',
  ) {
    const authority = await authorityWith(answers);
    const outbound = openOutboundClient('private_allowed');
    closing.push(() => outbound.close());
    const config = { tenants: new Set([tenant]), apiClientId } as unknown as Config;
    const task = appRegistrationValidation({ authority, outbound, config });
    const helpers = { signal, tenantId: tenant } as Parameters<typeof task.execute>[1];
    const outcome = await task.execute({}, helpers);
    if (!outcome.success) throw new Error(outcome.error.message);
    return outcome.result as { passed: boolean; findings: { rule: string; severity: string }[] };
  }

  test('passes where the authority vouches for the tenant, and says what it could not see', async () => {
    expect(await validate(healthy)).toMatchObject({
      passed: true,
      findings: [{ rule: 'app_roles_not_seen', severity: 'info' }],
    });
  });

  test.each<[string, (origin: string) => Answers]>([
    ['tenant_not_discovered', () => ({})],
    [
      'tenant_not_discovered',
      (origin) => ({ ...healthy(origin), [`/${tenant}/v2.0/.well-known/openid-configuration`]: 'no json' }),
    ],
    ['issuer_differs', discovery((origin) => ({ issuer: `${origin}/common/v2.0` }))],
    ['keys_elsewhere', discovery(() => ({ jwks_uri: 'http://127.0.0.1:1/keys' }))],
    ['keys_not_read', discovery((origin) => ({ jwks_uri: `${origin}/gone` }))],
    ['no_usable_key', keys({ keys: [] })],
    ['no_usable_key', keys({ keys: [{ kty: 'EC', kid: '1' }] })],
    ['no_usable_key', keys({ keys: [{ kty: 'RSA', kid: '1', issuer: 'https://elsewhere/v2.0' }] })],
  ])('does not pass with %s, and does not name the tenant', async (rule, answers) => {
    const result = await validate(answers);
    expect(result).toMatchObject({ passed: false });
    expect(result.findings.filter(({ severity }) => severity === 'critical')).toEqual([
      expect.objectContaining({ rule }),
    ]);
    expect(JSON.stringify(result)).not.toContain(tenant);
  });

  test('does not pass with a placeholder for the client id', async () => {
    const { findings } = await validate(healthy, '00000000-0000-0000-0000-000000000000');
    expect(findings[0]).toMatchObject({ rule: 'client_id_placeholder', severity: 'critical' });
  });
});
