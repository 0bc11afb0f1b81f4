import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGateway, tenantId, type TestGateway } from '../support/gateway.ts';
import { discoveryOf, type HandmadeUpstream, handmadeUpstream, json } from '../support/handmadeUpstream.ts';
import { MODERN, post } from '../support/rawClient.ts';

let gateway: TestGateway;
let upstream: HandmadeUpstream;

const odd = {
  tools: [
    { name: 'good', inputSchema: { type: 'object' } },
    null,
    7,
    [],
    {},
    { name: null },
    { name: 'php', inputSchema: { type: 'object', properties: [], required: {} } },
    { name: 'bare' },
    { name: 'nulls', title: null, description: null, annotations: null, outputSchema: null, _meta: null },
    { name: 'hints', inputSchema: null, annotations: { title: null, readOnlyHint: 'yes' } },
    { name: 'broken', inputSchema: { type: 'array' } },
    { name: 42, inputSchema: true, icons: 'none', execution: { taskSupport: null } },
  ],
  prompts: [
    { name: 'good', arguments: [{ name: 'who' }] },
    { name: 'nulls', arguments: null, title: null, icons: null },
    { name: 'broken', arguments: [{ description: 'nameless' }] },
    'text',
  ],
  resources: [
    { uri: 'test://good', name: 'good' },
    { uri: 'test://nameless', mimeType: null, size: '7', annotations: { priority: 9, audience: 'user' } },
    { name: 'without a uri' },
  ],
  resourceTemplates: [
    { uriTemplate: 'test://{good}', name: 'good', description: ['two', 'lines'] },
    { uriTemplate: null, name: 'broken' },
  ],
};

beforeAll(async () => {
  gateway = await startGateway();
  const answers = Object.entries({
    'tools/list': { tools: odd.tools, nextCursor: null },
    'prompts/list': { prompts: odd.prompts, nextCursor: '' },
    'resources/list': { resources: odd.resources },
    'resources/templates/list': { resourceTemplates: odd.resourceTemplates },
    initialize: {
      protocolVersion: '2025-11-25',
      capabilities: { tools: true, prompts: [], resources: { subscribe: null }, logging: null },
      serverInfo: { name: 'odd', version: 1.5, title: null, icons: null },
      instructions: null,
    },
  });
  upstream = await handmadeUpstream(
    () => undefined,
    Object.fromEntries(
      answers.map(([method, result]) => [
        method,
        (response, { message }) => {
          json(response, { jsonrpc: '2.0', id: message.id, result });
        },
      ]),
    ),
  );
  await gateway.register('odd', upstream.url, { upstream: { era: 'legacy' } });
});
afterAll(async () => {
  await Promise.all([gateway.close(), upstream.close()]);
});

const connect = {
  'SDK v1': async (url: string) => {
    const client = new LegacyClient({ name: 'v1', version: '1' });
    await client.connect(new LegacyTransport(new URL(url)));
    return client;
  },
  'SDK v2 of the 2025 era': async (url: string) => {
    const client = new ModernClient({ name: 'v2', version: '1' });
    await client.connect(new ModernTransport(new URL(url)));
    return client;
  },
  'SDK v2 of the 2026 era': async (url: string) => {
    const versionNegotiation = { mode: { pin: MODERN } } as const;
    const client = new ModernClient({ name: 'v2', version: '1' }, { versionNegotiation });
    await client.connect(new ModernTransport(new URL(url)));
    return client;
  },
};

describe.each(Object.entries(connect))('a client of %s', (_, open) => {
  test.each([
    ['its own endpoint', () => gateway.urlOf('odd'), '', ''],
    ['the aggregate endpoint', () => gateway.url, 'odd__', 'mcp+odd+'],
  ])('lists all that is sound of an odd server at %s', async (_place, url, name, uri) => {
    const client = await open(url());
    const { tools } = await client.listTools();
    const names = ['good', 'php', 'bare', 'nulls', 'hints', '42'].map((tool) => name + tool);
    expect(tools.map((tool) => tool.name).sort()).toEqual(names.sort());
    const { prompts } = await client.listPrompts();
    expect(prompts.map((prompt) => prompt.name).sort()).toEqual([`${name}good`, `${name}nulls`]);
    const { resources } = await client.listResources();
    expect(resources.map((resource) => resource.uri).sort()).toEqual([
      `${uri}test://good`,
      `${uri}test://nameless`,
    ]);
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual([`${uri}test://{good}`]);
    await client.close();
  });
});

test('the record says what is left out, and why', async () => {
  const record = await gateway.servers.find(tenantId, 'odd');
  const told = record?.value.discovery?.leftOut?.map(({ list, item, field }) => [list, item, field]);
  expect(told).toEqual([
    ['tools', 'item 2', undefined],
    ['tools', 'item 3', undefined],
    ['tools', 'item 4', undefined],
    ['tools', 'item 5', undefined],
    ['tools', 'item 6', undefined],
    ['tools', 'hints', 'annotations.readOnlyHint'],
    ['tools', 'broken', undefined],
    ['tools', '42', 'icons'],
    ['prompts', 'broken', undefined],
    ['prompts', 'item 4', undefined],
    ['resources', 'test://nameless', 'annotations.priority'],
    ['resources', 'item 3', undefined],
    ['resourceTemplates', 'item 2', undefined],
  ]);
});

test('a list that the record lacks is asked for on demand, and read as every list', async () => {
  const stored = await gateway.servers.find(tenantId, 'odd');
  const { prompts: _prompts, ...discovery } = stored?.value.discovery ?? discoveryOf('legacy');
  await gateway.register('asked', upstream.url, { discovery });
  const client = await connect['SDK v1'](gateway.urlOf('asked'));
  const { prompts } = await client.listPrompts();
  expect(prompts.map(({ name }) => name)).toEqual(['good', 'nulls']);
  await client.close();
});

test('a list of several MB comes in pages that clients take', async () => {
  const tools = Array.from({ length: 1_500 }, (_, index) => ({
    name: `tool_${index}`,
    description: `${index} `.repeat(700),
    inputSchema: { type: 'object' },
  }));
  await gateway.register('long', upstream.url, { discovery: discoveryOf('legacy', tools) });
  const names: string[] = [];
  let cursor: unknown;
  let pages = 0;
  do {
    const params = cursor === undefined ? {} : { cursor };
    const [answer] = await (await post(gateway.urlOf('long'), 'legacy', 'tools/list', params)).all();
    expect(JSON.stringify(answer).length).toBeLessThan(3 * 1024 * 1024);
    names.push(...(answer?.result?.tools ?? []).map(({ name }) => name));
    cursor = answer?.result?.['nextCursor'];
    pages += 1;
  } while (cursor !== undefined);
  expect(pages).toBe(3);
  expect(names).toEqual(tools.map(({ name }) => name));
});
