import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Toolset } from '../../shared/registry/toolsets/toolset.ts';
import { startGateway, tenantId, type TestGateway } from '../support/gateway.ts';
import { discoveryOf, type HandmadeUpstream, handmadeUpstream, json } from '../support/handmadeUpstream.ts';
import { post } from '../support/rawClient.ts';

let gateway: TestGateway;
let upstream: HandmadeUpstream;
const eras = ['legacy', 'modern'] as const;
const url = () => gateway.url.replace('/mcp', '/toolsets/desk/mcp');

const toolset: Toolset = {
  tenantId,
  slug: 'desk',
  title: 'Service desk',
  description: '',
  tools: [
    { server: 'shop', name: 'echo', as: 'look_up', description: 'Looks an order up.' },
    { server: 'shop', name: 'refund' },
    { server: 'shop', name: 'gone' },
    { server: 'nowhere', name: 'echo', as: 'elsewhere' },
  ],
  prompts: [{ server: 'shop', name: 'greet', as: 'hello' }],
  resources: [{ server: 'shop', uri: 'test://a', description: 'The rules.' }],
  createdBy: 'u',
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z',
};

beforeAll(async () => {
  gateway = await startGateway();
  const answer: Parameters<typeof handmadeUpstream>[0] = (response, { message }) => {
    json(response, { jsonrpc: '2.0', id: message.id, result: { content: [], messages: [], contents: [] } });
  };
  upstream = await handmadeUpstream(answer, {
    'prompts/get': answer,
    'resources/read': answer,
    'completion/complete': answer,
  });
  const schema = { inputSchema: { type: 'object' } };
  await gateway.register('shop', upstream.url, {
    discovery: {
      ...discoveryOf('modern', [
        { name: 'echo', ...schema, description: 'Echo', 'acme/x': 1 },
        { name: 'refund', ...schema },
        { name: 'secret', ...schema },
      ]),
      capabilities: { tools: {}, prompts: {}, resources: {}, completions: {} },
      prompts: [{ name: 'greet' }, { name: 'secret' }],
      resources: [
        { uri: 'test://a', name: 'a' },
        { uri: 'test://secret', name: 's' },
      ],
    },
  });
  await gateway.toolsets.add(toolset);
});
afterAll(async () => {
  await Promise.all([gateway.close(), upstream.close()]);
});
beforeEach(() => {
  upstream.received.length = 0;
});

async function ask(era: (typeof eras)[number], method: string, params: Record<string, unknown> = {}) {
  const name = params['name'] ?? params['uri'];
  const headers: Record<string, string> =
    era === 'modern' && typeof name === 'string' ? { 'mcp-name': name } : {};
  const answer = await post(url(), era, method, params, headers);
  return (await answer.all())[0];
}

describe.each(eras)('a toolset, to a %s client', (era) => {
  test('lists what was chosen and is there, under the names and descriptions that were given', async () => {
    expect((await ask(era, 'tools/list'))?.result?.tools).toEqual([
      { name: 'look_up', inputSchema: { type: 'object' }, description: 'Looks an order up.', 'acme/x': 1 },
      { name: 'refund', inputSchema: { type: 'object' } },
    ]);
    expect((await ask(era, 'prompts/list'))?.result).toMatchObject({ prompts: [{ name: 'hello' }] });
    expect((await ask(era, 'resources/list'))?.result).toMatchObject({
      resources: [{ uri: 'test://a', name: 'a', description: 'The rules.' }],
    });
    expect(upstream.received).toEqual([]);
  });

  test.each([
    { method: 'tools/call', params: { name: 'look_up' }, own: { name: 'echo' } },
    { method: 'prompts/get', params: { name: 'hello' }, own: { name: 'greet' } },
    { method: 'resources/read', params: { uri: 'test://a' }, own: { uri: 'test://a' } },
    {
      method: 'completion/complete',
      params: { ref: { type: 'ref/prompt', name: 'hello' }, argument: { name: 'a', value: '' } },
      own: { ref: { type: 'ref/prompt', name: 'greet' }, argument: { name: 'a', value: '' } },
    },
  ])('gives $method to the server by its own name', async ({ method, params, own }) => {
    expect(await ask(era, method, params)).toHaveProperty('result');
    expect(upstream.received[0]?.message.params).toMatchObject(own);
  });

  test.each([
    { method: 'tools/call', params: { name: 'secret' } },
    { method: 'tools/call', params: { name: 'echo' } },
    { method: 'tools/call', params: { name: 'shop__secret' } },
    { method: 'tools/call', params: { name: 'gone' } },
    { method: 'tools/call', params: { name: 'elsewhere' } },
    { method: 'prompts/get', params: { name: 'secret' } },
    { method: 'resources/read', params: { uri: 'test://secret' } },
    { method: 'resources/read', params: { uri: 'mcp+shop+test://secret' } },
    { method: 'acme/echo', params: {} },
  ])('gives nothing else: $method $params', async ({ method, params }) => {
    expect(await ask(era, method, params)).toHaveProperty('error');
    expect(upstream.received).toEqual([]);
  });
});

test('a toolset of another tenant is not there', async () => {
  await gateway.toolsets.add({
    ...toolset,
    tenantId: '22222222-2222-4222-8222-222222222222',
    slug: 'theirs',
  });
  const answers = await Promise.all(
    ['theirs', 'nobodys'].map((slug) => post(url().replace('desk', slug), 'legacy', 'tools/list')),
  );
  for (const answer of answers) expect(answer.status).toBe(404);
});
