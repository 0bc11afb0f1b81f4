import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { discoverServer } from '../../shared/gateway/catalogue/discovery.ts';
import { createOutboundTo } from '../../shared/gateway/upstream/outboundTo.ts';
import { systemClock } from '../../shared/platform/base/clock.ts';
import { openOutboundClient } from '../../shared/platform/outbound/outboundClient.ts';
import { azureTableServerStore } from '../../shared/registry/records/azureTableServerStore.ts';
import type { UpstreamSettings } from '../../shared/registry/records/upstreamSettings.ts';
import { testCredentials } from '../support/credentials.ts';
import { SHARER, startGateway, tenantId, type TestGateway } from '../support/gateway.ts';
import { discoveryOf, type HandmadeUpstream, handmadeUpstream, json } from '../support/handmadeUpstream.ts';
import { memoryState } from '../support/memoryState.ts';
import { memoryTables } from '../support/memoryTables.ts';
import { post } from '../support/rawClient.ts';
import { testSeal } from '../support/seal.ts';

const SECRET = 'Bearer only-for-the-vault';
const echo: Parameters<typeof handmadeUpstream>[0] = (response, { message: { id } }) => {
  json(response, { jsonrpc: '2.0', id, result: { resultType: 'complete', content: [] } });
};
let vault: HandmadeUpstream;
let other: HandmadeUpstream;
let gateway: TestGateway;
beforeAll(async () => {
  vault = await handmadeUpstream(echo);
  other = await handmadeUpstream(echo);
  gateway = await startGateway(memoryState(), azureTableServerStore(memoryTables()), {
    vault: { value: SECRET, origins: [new URL(vault.url).origin], tenants: [tenantId, SHARER] },
  });
});
afterAll(async () => {
  await Promise.all([gateway.close(), vault.close(), other.close()]);
});

const signed: UpstreamSettings = { headers: { authorization: { credential: 'vault' } } };
const call = (slug: string) => post(gateway.urlOf(slug), 'modern', 'tools/call', { name: 'echo' });

describe('a server whose record names a credential', () => {
  test('is called with its value, which nobody else is told', async () => {
    await gateway.register('vault', vault.url, { discovery: discoveryOf('modern'), upstream: signed });
    const answer = await call('vault');
    expect(vault.received.at(-1)?.headers.authorization).toBe(SECRET);
    expect(JSON.stringify([await answer.all(), gateway.audited, gateway.log.lines])).not.toContain(SECRET);
  });

  test('is not called at all where the credential is for another origin', async () => {
    await gateway.register('other', other.url, { discovery: discoveryOf('modern'), upstream: signed });
    const before = other.received.length;
    const text = JSON.stringify(await (await call('other')).all());
    expect(text).toContain('there is no credential');
    expect(text).not.toContain(SECRET);
    expect(other.received).toHaveLength(before);
  });

  test('that is shared is called for another tenant with the credential of the one that shares it', async () => {
    await gateway.register('wide', vault.url, {
      tenantId: SHARER,
      visibility: 'shared',
      discovery: discoveryOf('modern'),
      upstream: signed,
    });
    const before = vault.received.length;
    await (await call('wide')).all();
    expect(vault.received.slice(before).map(({ headers }) => headers.authorization)).toEqual([SECRET]);
  });
});

describe('a credential', () => {
  test('is redacted in an answer that the server encoded, and goes along with a redirect within the origin', async () => {
    const seen: unknown[] = [];
    const echoing = await handmadeUpstream((response, { message: { id }, headers }) => {
      seen.push(headers.authorization);
      if (response.req.url === '/mcp') {
        response.writeHead(307, { location: '/mcp/' }).end();
        return;
      }
      const content = [{ type: 'text', text: headers.authorization }];
      const text = JSON.stringify({ jsonrpc: '2.0', id, result: { resultType: 'complete', content } });
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
      response.end(gzipSync(text));
    });
    const origins = [new URL(echoing.url).origin];
    const apart = await startGateway(memoryState(), azureTableServerStore(memoryTables()), {
      vault: { value: SECRET, origins, tenants: [tenantId] },
    });
    await apart.register('echo', echoing.url, { discovery: discoveryOf('modern'), upstream: signed });
    const answer = await post(apart.urlOf('echo'), 'modern', 'tools/call', { name: 'echo' });
    expect((await answer.all())[0]?.result?.content).toMatchObject([{ text: '[redacted]' }]);
    expect(seen).toEqual([SECRET, SECRET]);
    await Promise.all([apart.close(), echoing.close()]);
  });
});

describe('the era that a record pins', () => {
  const outbound = openOutboundClient('private_allowed');
  afterAll(() => outbound.close());
  const outboundTo = createOutboundTo(outbound, testCredentials(), testSeal);
  const discover = (url: string, era: 'legacy' | 'modern') =>
    discoverServer(
      { tenantId, url, upstream: { era } },
      { outboundTo, clock: systemClock },
      AbortSignal.timeout(10_000),
    );

  test('is the only one that is tried', async () => {
    const tools: typeof echo = (response, { message: { id } }) => {
      json(response, { jsonrpc: '2.0', id, result: { tools: [] } });
    };
    const legacy = await handmadeUpstream(echo, { 'tools/list': tools });
    expect(await discover(legacy.url, 'legacy')).toMatchObject({ ok: true, value: { era: 'legacy' } });
    expect(legacy.received.some(({ message }) => message.method === 'server/discover')).toBe(false);
    expect(await discover(legacy.url, 'modern')).toMatchObject({
      ok: false,
      error: { message: expect.stringContaining('pinned') as string },
    });
    expect(legacy.received.filter(({ message }) => message.method === 'initialize')).toHaveLength(1);
    await legacy.close();
  });
});

test('a call ends after the time that the record gives it', async () => {
  const silent = await handmadeUpstream(() => undefined);
  await gateway.register('silent', silent.url, {
    discovery: discoveryOf('modern'),
    upstream: { timeoutMs: 1_000 },
  });
  expect(JSON.stringify(await (await call('silent')).all())).toContain('did not answer in time');
  await silent.close();
});

test('a request that changes nothing is sent again as often as the record says', async () => {
  const down = await handmadeUpstream(echo, {
    'prompts/get': (response) => void response.destroy(),
  });
  const capabilities = { prompts: {} };
  const prompts = [{ name: 'ask' }];
  for (const [slug, retries] of [
    ['never', 0],
    ['often', 3],
  ] as const) {
    await gateway.register(slug, down.url, {
      discovery: { ...discoveryOf('modern'), capabilities, prompts },
      upstream: { retries },
    });
    const before = down.received.length;
    await (await post(gateway.urlOf(slug), 'modern', 'prompts/get', { name: 'ask' })).all();
    expect(down.received.length - before).toBe(retries + 1);
  }
  await down.close();
});
