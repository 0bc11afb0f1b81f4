import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTables } from '../../infra/local/tables.ts';
import { secretHashOf } from '../../shared/identity/broker/authenticateClient.ts';
import { azureTableRegisteredClientStore } from '../../shared/identity/broker/azureTableRegisteredClientStore.ts';
import {
  findRegistered,
  registerClient,
  type RegistrationDeps,
} from '../../shared/identity/broker/clientRegistration.ts';
import { createOAuthClients } from '../../shared/identity/broker/oauthClients.ts';
import { REGISTRATIONS_AN_HOUR, REGISTRATIONS_OF_AN_ADDRESS } from '../../shared/identity/limits.ts';
import { randomId, randomSecret } from '../../shared/platform/base/ids.ts';
import { openTables } from '../../shared/platform/tables/openTables.ts';
import type { OpenTable } from '../../shared/platform/tables/tables.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { memoryState } from '../support/memoryState.ts';
import { memoryTables } from '../support/memoryTables.ts';
import { outboundStub } from '../support/outboundStub.ts';

const DAY_MS = 86_400_000;

let azurite: Azurite;
beforeAll(async () => {
  azurite = await startAzurite();
  await createTables(azurite.connectionString, AbortSignal.timeout(20_000));
});
afterAll(() => azurite.stop());

describe.each<[string, () => OpenTable]>([
  ['Azure Tables', () => openTables(azurite.connectionString)],
  ['tables in memory', () => memoryTables()],
])('on %s', (where, open) => {
  function opened() {
    let now = Date.UTC(2026, 0, 1);
    const clock = { now: () => new Date(now) };
    const registeredClients = azureTableRegisteredClientStore(open());
    const deps: RegistrationDeps = {
      registeredClients,
      state: memoryState(clock),
      clock,
      newId: randomId,
      newSecret: randomSecret,
    };
    const find = (id: string) => findRegistered(id, deps);
    const purge = () => registeredClients.purge(clock.now());
    return { deps, find, purge, advance: (ms: number) => void (now += ms) };
  }
  /** Metadata as the SDKs send it, with a name of its own. */
  const metadata = (more: object = {}) => ({
    client_name: `Client ${where} ${randomId()}`,
    redirect_uris: ['http://127.0.0.1:51234/callback'],
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    scope: 'mcp.access',
    ...more,
  });
  async function registered(body: unknown, deps: RegistrationDeps) {
    const result = await registerClient(body, deps);
    if (!result.ok) throw new Error(result.error.message);
    return result.value;
  }

  test('registers a public client, which is then found', async () => {
    const { deps, find } = opened();
    const body = metadata();
    const { client, secret } = await registered(body, deps);
    expect(secret).toBeUndefined();
    expect(await find(client.id)).toEqual({
      id: client.id,
      kind: 'registered',
      name: body.client_name,
      redirectUris: body.redirect_uris,
    });
    expect(await find(randomId())).toBeUndefined();
  });

  test('gives a public client the same id again, whatever port it listens at, and another client another', async () => {
    const { deps } = opened();
    const body = metadata();
    const first = await registered(body, deps);
    const again = { ...body, redirect_uris: ['http://127.0.0.1:9/callback'] };
    expect(await registered(again, deps)).toMatchObject({
      client: { id: first.client.id },
      redirectUris: again.redirect_uris,
    });
    const ids = await Promise.all(
      [
        { ...body, client_name: 'Other' },
        { ...body, redirect_uris: ['https://evil.example/cb'] },
        { ...body, redirect_uris: [...body.redirect_uris, 'https://evil.example/cb'] },
      ].map(async (one) => (await registered(one, deps)).client.id),
    );
    expect(new Set([first.client.id, ...ids]).size).toBe(4);
  });

  test.each(['client_secret_basic', 'client_secret_post', undefined])(
    'gives a client a secret of its own for %s, and keeps its hash only',
    async (method) => {
      const { deps, find } = opened();
      const body = metadata({ token_endpoint_auth_method: method });
      const [one, other] = [await registered(body, deps), await registered(body, deps)];
      expect(one.client.id).not.toBe(other.client.id);
      expect(one.secret).toMatch(/^[\w-]{43}$/);
      expect(one.secret).not.toBe(other.secret);
      expect(await find(one.client.id)).toMatchObject({ secretHash: secretHashOf(one.secret ?? '') });
      const stored = await deps.registeredClients.find(one.client.id);
      expect(JSON.stringify(stored)).not.toContain(one.secret);
    },
  );

  test('forgets a client 90 days after its last use', async () => {
    const { deps, find, purge, advance } = opened();
    const { client } = await registered(metadata(), deps);
    advance(89 * DAY_MS);
    expect(await find(client.id)).toBeDefined();
    advance(89 * DAY_MS);
    await purge();
    expect(await find(client.id)).toBeDefined();
    advance(90 * DAY_MS + 1);
    expect(await find(client.id)).toBeUndefined();
    await purge();
    expect(await deps.registeredClients.find(client.id)).toBeUndefined();
  });

  test('takes a client back that expired and is not purged yet', async () => {
    const { deps, find, advance } = opened();
    const body = metadata();
    const { client } = await registered(body, deps);
    advance(91 * DAY_MS);
    await registered(body, deps);
    expect(await find(client.id)).toBeDefined();
  });

  test('takes one of many equal registrations at once', async () => {
    const { deps } = opened();
    const body = metadata();
    const ids = await Promise.all(
      Array.from({ length: 8 }, async () => (await registered(body, deps)).client.id),
    );
    expect(new Set(ids).size).toBe(1);
  });

  test.each<[string, object, RegExp]>([
    ['invalid_redirect_uri', { redirect_uris: [] }, /at least one/],
    ['invalid_redirect_uri', { redirect_uris: undefined }, /at least one/],
    ['invalid_redirect_uri', { redirect_uris: ['http://evil.example/cb'] }, /redirect_uris\.0/],
    ['invalid_redirect_uri', { redirect_uris: ['app://cb'] }, /redirect_uris\.0/],
    ['invalid_redirect_uri', { redirect_uris: ['javascript:alert(1)'] }, /redirect_uris\.0/],
    ['invalid_redirect_uri', { redirect_uris: ['https://a.example/#x'] }, /fragment/],
    ['invalid_client_metadata', { redirect_uris: 'https://a.example/' }, /redirect_uris/],
    ['invalid_client_metadata', { redirect_uris: [1] }, /redirect_uris\.0/],
    ['invalid_client_metadata', { client_name: {} }, /client_name/],
    ['invalid_client_metadata', { token_endpoint_auth_method: 'private_key_jwt' }, /auth_method/],
    ['invalid_client_metadata', { grant_types: ['client_credentials'] }, /grant_types/],
    ['invalid_client_metadata', { response_types: ['token'] }, /response_types/],
  ])('refuses as %s: %o', async (code, more, message) => {
    const { deps } = opened();
    const result = await registerClient(metadata(more), deps);
    expect(result).toMatchObject({ ok: false, error: { members: { error: code } } });
    expect(result.ok ? '' : result.error.message).toMatch(message);
    expect(result.ok ? '' : result.error.message).not.toMatch(/evil|alert/);
  });

  test.each([null, [], 'text', 1])('refuses what is no metadata: %j', async (body) => {
    expect(await registerClient(body, opened().deps)).toMatchObject({
      error: { members: { error: 'invalid_client_metadata' } },
    });
  });

  test('bounds the new clients of an hour, and still knows the others', async () => {
    const { deps, advance } = opened();
    const body = metadata();
    await registered(body, deps);
    await deps.state.increment('mreg:registrations', REGISTRATIONS_AN_HOUR - 1, 3_600_000);
    expect(await registerClient(metadata(), deps)).toMatchObject({ error: { kind: 'exhausted' } });
    expect((await registerClient(body, deps)).ok).toBe(true);
    advance(3_600_000);
    expect((await registerClient(metadata(), deps)).ok).toBe(true);
  });

  test('leaves room for others when one address registers too many', async () => {
    const { deps } = opened();
    const from = async (address: string) => (await registerClient(metadata(), deps, address)).ok;
    const many = await Promise.all(
      Array.from({ length: REGISTRATIONS_AN_HOUR }, (_, index) => from(`192.0.2.7:${1_000 + index}`)),
    );
    expect(many.filter((isRegistered) => isRegistered)).toHaveLength(REGISTRATIONS_OF_AN_ADDRESS);
    expect(await from('192.0.2.8')).toBe(true);
  });

  test('finds clients of the settings first, then documents, then registered ones', async () => {
    const { deps } = opened();
    const { client } = await registered(metadata(), deps);
    const url = 'https://app.example/client.json';
    const outbound = outboundStub(() => ({
      body: JSON.stringify({ client_id: url, redirect_uris: ['https://app.example/cb'] }),
    }));
    const preset = { name: 'Preset', redirectUris: ['https://a.example/cb'], secret: 'a-secret-of-16-chars' };
    const clients = createOAuthClients({
      ...deps,
      outbound,
      config: { clients: { preset, [client.id]: preset }, privateUpstreams: false },
    });
    expect(await clients.find('preset')).toMatchObject({
      value: { kind: 'preset', secretHash: secretHashOf(preset.secret) },
    });
    expect(await clients.find(client.id)).toMatchObject({ value: { kind: 'preset' } });
    expect(await clients.find(url)).toMatchObject({ value: { kind: 'document', id: url } });
    for (const id of [
      '',
      'nobody',
      '__proto__',
      'constructor',
      "a' or 'b",
      'x'.repeat(300),
      '../x',
      'ftp://a',
    ])
      expect(await clients.find(id)).toMatchObject({ ok: false, error: { kind: 'invalid' } });
    expect(outbound.requests).toHaveLength(1);
  });
});
