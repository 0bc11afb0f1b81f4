import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Era } from '../../shared/registry/records/era.ts';
import type { Discovery } from '../../shared/registry/records/server.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { discoveryOf, type HandmadeUpstream, handmadeUpstream, json } from '../support/handmadeUpstream.ts';
import { OFFERED, post } from '../support/rawClient.ts';

/* Every method that a server answers, under the names of its own endpoint and of the aggregate one, in all four combinations of eras. */

let gateway: TestGateway;
const upstreams = {} as Record<Era, HandmadeUpstream>;
const eras = ['legacy', 'modern'] as const;
const pairs = eras.flatMap((client) => eras.map((server) => ({ client, server })));
const foreign = { 'acme/x': { deep: [1, null] } };

const discovery = (era: Era): Discovery => ({
  ...discoveryOf(era),
  capabilities: { tools: {}, prompts: {}, resources: { subscribe: true }, completions: {}, logging: {} },
  instructions: 'Mind the gap.',
  prompts: [{ name: 'greet', ...foreign }],
  resources: [{ uri: 'test://a', name: 'a', ...foreign }],
  resourceTemplates: [{ uriTemplate: 'test://t/{id}', name: 't', ...foreign }],
});

/** What the servers answer, by method. */
const results: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'tools/call': {
    content: [
      { type: 'text', text: 'hi', ...foreign },
      { type: 'resource_link', uri: 'test://a', name: 'a', ...foreign },
      { type: 'resource', resource: { uri: 'test://b', text: 'b' } },
    ],
    ...foreign,
  },
  'prompts/get': {
    messages: [{ role: 'user', content: { type: 'resource', resource: { uri: 'test://b', text: 'b' } } }],
    ...foreign,
  },
  'resources/read': { contents: [{ uri: 'test://a', text: 'a', ...foreign }], ...foreign },
  'completion/complete': { completion: { values: ['paris'] }, ...foreign },
  'acme/echo': { echoed: true, ...foreign },
};

beforeAll(async () => {
  gateway = await startGateway();
  for (const era of eras) {
    const answer = (
      response: Parameters<Parameters<typeof handmadeUpstream>[0]>[0],
      method: string,
      id: unknown,
    ) => {
      json(response, { jsonrpc: '2.0', id, result: results[method] });
    };
    upstreams[era] = await handmadeUpstream(
      (response, { message }) => {
        answer(response, 'tools/call', message.id);
      },
      Object.fromEntries(
        Object.keys(results).map((method) => [
          method,
          (response, { message }) => {
            answer(response, method, message.id);
          },
        ]),
      ),
    );
    await gateway.register(era, upstreams[era].url, { discovery: discovery(era) });
  }
});
afterAll(async () => {
  await Promise.all([gateway.close(), ...eras.map((era) => upstreams[era].close())]);
});
beforeEach(() => {
  for (const era of eras) upstreams[era].received.length = 0;
});

async function ask(url: string, era: Era, method: string, params: Record<string, unknown> = {}) {
  const name = params['name'] ?? params['uri'];
  const answer = await post(
    url,
    era,
    method,
    params,
    era === 'modern' && typeof name === 'string' ? { 'mcp-name': name } : {},
  );
  const [message] = await answer.all();
  return { status: answer.status, ...message };
}

const requests = [
  { method: 'tools/call', own: { name: 'echo' }, shown: (slug: string) => ({ name: `${slug}__echo` }) },
  { method: 'prompts/get', own: { name: 'greet' }, shown: (slug: string) => ({ name: `${slug}__greet` }) },
  {
    method: 'resources/read',
    own: { uri: 'test://t/7?x=1#y' },
    shown: (slug: string) => ({ uri: `mcp+${slug}+test://t/7?x=1#y` }),
  },
  {
    method: 'completion/complete',
    own: { ref: { type: 'ref/prompt', name: 'greet' }, argument: { name: 'a', value: 'p' } },
    shown: (slug: string) => ({
      ref: { type: 'ref/prompt', name: `${slug}__greet` },
      argument: { name: 'a', value: 'p' },
    }),
  },
  {
    method: 'completion/complete',
    own: { ref: { type: 'ref/resource', uri: 'test://t/{id}' }, argument: { name: 'id', value: '7' } },
    shown: (slug: string) => ({
      ref: { type: 'ref/resource', uri: `mcp+${slug}+test://t/{id}` },
      argument: { name: 'id', value: '7' },
    }),
  },
];

describe.each(pairs)('a $client client asks a $server server', ({ client, server }) => {
  const hop = client === server ? 'within the era' : 'across the eras';

  test.each(requests)(`$method ${hop}: by its own names at its endpoint`, async ({ method, own }) => {
    const params = { ...own, ...foreign, _meta: { 'acme/m': 1 } };
    const answer = await ask(gateway.urlOf(server), client, method, params);
    expect(answer).toMatchObject({ status: 200, id: 'client-id', result: results[method] });
    const [received] = upstreams[server].received.filter(({ message }) => message.method === method);
    expect(received?.message.params).toMatchObject(params);
    if (server === 'modern') {
      const name = 'name' in own ? own.name : 'uri' in own ? own.uri : undefined;
      expect(received?.headers['mcp-method']).toBe(method);
      expect(received?.headers['mcp-name']).toBe(name);
    }
  });

  test.each(requests)(
    `$method ${hop}: by the names of all at the aggregate endpoint`,
    async ({ method, own, shown }) => {
      const answer = await ask(gateway.url, client, method, { ...shown(server), ...foreign });
      expect(answer.status).toBe(200);
      const [received] = upstreams[server].received.filter(({ message }) => message.method === method);
      expect(received?.message.params).toMatchObject({ ...own, ...foreign });
      const text = JSON.stringify(answer.result);
      // Every URI in the answer is one that can be read here.
      for (const [, uri] of text.matchAll(/"uri":"([^"]*)"/g)) expect(uri).toMatch(/^mcp\+/);
      expect(answer.result).toMatchObject(foreign);
    },
  );

  test(`a vendor's method ${hop}, with everything in it`, async () => {
    const params = { a: [1, { b: null }], ...foreign };
    expect(await ask(gateway.urlOf(server), client, 'acme/echo', params)).toMatchObject({
      status: 200,
      result: results['acme/echo'],
    });
    const [received] = upstreams[server].received.filter(({ message }) => message.method === 'acme/echo');
    expect(received?.message.params).toMatchObject(params);
    expect(await ask(gateway.url, client, 'acme/echo', params)).toMatchObject({
      status: client === 'modern' ? 404 : 200,
      error: { code: -32601 },
    });
  });
});

describe.each(eras)('lists for a %s client', (era) => {
  test.each([
    { method: 'tools/list', field: 'tools', key: 'name', own: 'echo', shown: 'legacy__echo' },
    { method: 'prompts/list', field: 'prompts', key: 'name', own: 'greet', shown: 'legacy__greet' },
    {
      method: 'resources/list',
      field: 'resources',
      key: 'uri',
      own: 'test://a',
      shown: 'mcp+legacy+test://a',
    },
    {
      method: 'resources/templates/list',
      field: 'resourceTemplates',
      key: 'uriTemplate',
      own: 'test://t/{id}',
      shown: 'mcp+legacy+test://t/{id}',
    },
  ])('$method comes from the registry and asks no server', async ({ method, field, key, own, shown }) => {
    const own1 = await ask(gateway.urlOf('legacy'), era, method);
    const names = (result: Record<string, unknown> | undefined) =>
      (result?.[field] as Record<string, unknown>[]).map((item) => item[key]);
    expect(names(own1.result)).toEqual([own]);
    const all = await ask(gateway.url, era, method);
    expect(names(all.result)).toEqual([shown, shown.replace('legacy', 'modern')]);
    expect(upstreams.legacy.received).toEqual([]);
    if (era === 'modern') expect(all.result).toMatchObject({ ttlMs: 60_000, cacheScope: 'private' });
  });
});

describe('the endpoint of one server', () => {
  test.each(eras)('says what the %s server says of itself', async (server) => {
    const initialized = await ask(gateway.urlOf(server), 'legacy', 'initialize', {
      protocolVersion: '2025-06-18',
      capabilities: {},
    });
    expect(initialized.result).toMatchObject({
      protocolVersion: '2025-06-18',
      serverInfo: { name: 'handmade' },
      instructions: 'Mind the gap.',
      capabilities: { completions: {} },
    });
    const discovered = await ask(gateway.urlOf(server), 'modern', 'server/discover');
    expect(discovered.result).toMatchObject({
      supportedVersions: OFFERED,
      instructions: 'Mind the gap.',
      _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'handmade' } },
    });
  });

  test.each(eras)('is not there for a %s client when the server is not, whoever has it', async (era) => {
    await gateway.register('theirs', 'http://127.0.0.1:9/mcp', {
      tenantId: '22222222-2222-4222-8222-222222222222',
      discovery: discovery('modern'),
    });
    await gateway.register('waiting', 'http://127.0.0.1:9/mcp', {
      status: 'pending',
      discovery: discovery('modern'),
    });
    const answers = await Promise.all(
      ['theirs', 'waiting', 'nobodys', '__proto__'].map((slug) =>
        ask(gateway.urlOf(slug), era, 'tools/list'),
      ),
    );
    for (const answer of answers) expect(answer).toEqual({ ...answers[0], status: 404 });
  });

  test('has only the methods of its client’s era', async () => {
    for (const method of ['initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'tasks/get']) {
      expect(await ask(gateway.urlOf('legacy'), 'modern', method, { uri: 'test://a' })).toMatchObject({
        status: 404,
        error: { code: -32601 },
      });
    }
    for (const method of ['server/discover', 'subscriptions/listen', 'tasks/get']) {
      expect(await ask(gateway.urlOf('modern'), 'legacy', method)).toMatchObject({ error: { code: -32601 } });
    }
  });
});

test('a resource that is not there is told in the code of the client’s era', async () => {
  const gone = { uri: 'mcp+nowhere+test://a' };
  expect((await ask(gateway.url, 'legacy', 'resources/read', gone)).error).toMatchObject({
    code: -32002,
    data: gone,
  });
  expect((await ask(gateway.url, 'modern', 'resources/read', gone)).error).toMatchObject({
    code: -32602,
    data: gone,
  });
});
