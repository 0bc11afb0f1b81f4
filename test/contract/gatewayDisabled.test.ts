import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, tenantId, type TestGateway } from '../support/gateway.ts';
import { discoveryOf, type HandmadeUpstream, handmadeUpstream, json } from '../support/handmadeUpstream.ts';
import { post } from '../support/rawClient.ts';

let gateway: TestGateway;
let upstream: HandmadeUpstream;

beforeAll(async () => {
  gateway = await startGateway();
  upstream = await handmadeUpstream((response, { message }) => {
    json(response, { jsonrpc: '2.0', id: message.id, result: { content: [] } });
  });
  const tools = [{ name: 'echo', inputSchema: { type: 'object' } }];
  const discovery = {
    ...discoveryOf('modern', tools),
    capabilities: { tools: {}, prompts: {}, resources: {} },
    prompts: [{ name: 'greet' }],
    resources: [{ uri: 'test://a', name: 'a' }],
  };
  await gateway.register('off', upstream.url, { discovery, status: 'disabled' });
  await gateway.register('on', upstream.url, { discovery });
  await gateway.toolsets.add({
    tenantId,
    slug: 'desk',
    title: 'Desk',
    description: '',
    tools: ['on', 'off'].map((server) => ({ server, name: 'echo', as: `echo_${server}` })),
    prompts: [{ server: 'off', name: 'greet' }],
    resources: [{ server: 'off', uri: 'test://a' }],
    createdBy: 'u',
    createdAt: '2026-01-01T00:00:00.000Z',
    updatedAt: '2026-01-01T00:00:00.000Z',
  });
});
afterAll(async () => {
  await Promise.all([gateway.close(), upstream.close()]);
});

const reason = 'The server "off" is disabled. An administrator of the gateway can enable it.';

describe.each(['legacy', 'modern'] as const)('a disabled server, to a %s client', (era) => {
  async function ask(url: string, method: string, params: Record<string, unknown> = {}) {
    const name = params['name'] ?? params['uri'];
    const headers: Record<string, string> =
      era === 'modern' && typeof name === 'string' ? { 'mcp-name': name } : {};
    const answer = await post(url, era, method, params, headers);
    return { status: answer.status, message: (await answer.all())[0] };
  }
  const desk = () => gateway.url.replace('/mcp', '/toolsets/desk/mcp');

  test('is in no list', async () => {
    const all = await ask(gateway.url, 'tools/list');
    expect(all.message?.result?.tools).toMatchObject([{ name: 'on__echo' }]);
    const curated = await ask(desk(), 'tools/list');
    expect(curated.message?.result?.tools).toMatchObject([{ name: 'echo_on' }]);
  });

  test.each<[string, () => string, string, Record<string, unknown>]>([
    ['a tool at /mcp', () => gateway.url, 'tools/call', { name: 'off__echo' }],
    ['a prompt at /mcp', () => gateway.url, 'prompts/get', { name: 'off__greet' }],
    ['a resource at /mcp', () => gateway.url, 'resources/read', { uri: 'mcp+off+test://a' }],
    ['a tool of a toolset', desk, 'tools/call', { name: 'echo_off' }],
    ['a prompt of a toolset', desk, 'prompts/get', { name: 'greet' }],
    ['a resource of a toolset', desk, 'resources/read', { uri: 'test://a' }],
    ['its own endpoint', () => gateway.urlOf('off'), 'tools/list', {}],
  ])('is refused with the reason: %s', async (_, url, method, params) => {
    const { status, message } = await ask(url(), method, params);
    expect(message).toMatchObject({ error: { message: reason } });
    if (method === 'tools/list') expect(status).toBe(404);
    expect(upstream.received).toEqual([]);
  });

  test('says nothing of it to another tenant, and nothing else of servers that do not exist', async () => {
    const unknown = await ask(gateway.urlOf('none'), 'tools/list');
    expect(unknown).toMatchObject({
      status: 404,
      message: { error: { message: 'There is no such endpoint.' } },
    });
    const tool = await ask(gateway.url, 'tools/call', { name: 'none__echo' });
    expect(tool.message?.error?.message).toMatch(/There is no tool/);
    const stranger = '22222222-2222-4222-8222-222222222222';
    const answer = await post(gateway.urlOf('off'), era, 'tools/list', {}, { 'x-tenant': stranger });
    expect(await answer.all()).toMatchObject([{ error: { message: 'There is no such endpoint.' } }]);
  });
});
