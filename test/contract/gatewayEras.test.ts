import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLegacyServer } from '../../infra/local/demo/legacyServer.ts';
import { startModernServer } from '../../infra/local/demo/modernServer.ts';
import type { DemoServer } from '../../infra/local/demo/serve.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { MODERN } from '../support/rawClient.ts';

/** What the tests need of either SDK's client. */
interface AnyClient {
  listTools(): Promise<{ tools: { name: string }[] }>;
  callTool(
    params: { name: string; arguments?: Record<string, unknown> },
    onprogress?: (progress: { progress: number; total?: number | undefined }) => void,
  ): Promise<Readonly<Record<string, unknown>>>;
  close(): Promise<void>;
}

let gateway: TestGateway;
let inventory: DemoServer;
let workbench: DemoServer;
const clients: AnyClient[] = [];

beforeAll(async () => {
  [gateway, inventory, workbench] = await Promise.all([
    startGateway(),
    startLegacyServer({ port: 0 }),
    startModernServer({ port: 0 }),
  ]);
  await gateway.register('inventory', inventory.url);
  await gateway.register('workbench', workbench.url);
});

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await gateway.close();
  await Promise.all([inventory.close(), workbench.close()]);
});

const connect = {
  legacy: async (): Promise<AnyClient> => {
    const client = new LegacyClient({ name: 'v1', version: '1' });
    await client.connect(new LegacyTransport(new URL(gateway.url)));
    const any: AnyClient = {
      listTools: () => client.listTools(),
      callTool: async (params, onprogress) => ({
        ...(await client.callTool(params, undefined, onprogress && { onprogress })),
      }),
      close: () => client.close(),
    };
    clients.push(any);
    return any;
  },
  modern: async (): Promise<AnyClient> => {
    const client = new ModernClient(
      { name: 'v2', version: '1' },
      {
        capabilities: { elicitation: { form: {} } },
        versionNegotiation: { mode: { pin: MODERN } },
      },
    );
    client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { count: 3 } }));
    await client.connect(new ModernTransport(new URL(gateway.url)));
    const any: AnyClient = {
      listTools: () => client.listTools(),
      callTool: async (params, onprogress) => ({
        ...(await client.callTool(params, onprogress && { onprogress })),
      }),
      close: () => client.close(),
    };
    clients.push(any);
    return any;
  },
} as const;

const text = (value: string) => [{ type: 'text', text: value }];

describe.each(['legacy', 'modern'] as const)('a real %s client', (era) => {
  let client: AnyClient;
  beforeAll(async () => {
    client = await connect[era]();
  });

  test('sees the tools of both servers in one order', async () => {
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual([
      'inventory__count_slowly',
      'inventory__get_item',
      'inventory__search_items',
      'workbench__convert_units',
      'workbench__roll_dice',
      'workbench__stream_report',
    ]);
  });

  test('calls a tool of the legacy server', async () => {
    const result = await client.callTool({ name: 'inventory__search_items', arguments: { text: 'm8' } });
    expect(result['structuredContent']).toEqual({
      found: [{ sku: 'BOLT-M8', name: 'Hex bolt M8 x 40, zinc' }],
    });
  });

  test('calls a tool of the modern server, header argument and all', async () => {
    const result = await client.callTool({
      name: 'workbench__convert_units',
      arguments: { value: 2, from: 'km', to: 'm' },
    });
    expect(result['content']).toEqual(text('2000 m'));
  });

  test.each([
    { name: 'inventory__count_slowly', arguments: { steps: 3, pauseMs: 0 }, ends: 'Counted 3 items.' },
    {
      name: 'workbench__stream_report',
      arguments: { sections: 3, pauseMs: 0 },
      ends: 'Section 1\nSection 2\nSection 3',
    },
  ])('hears the progress of $name', async ({ name, arguments: args, ends }) => {
    const heard: number[] = [];
    const result = await client.callTool({ name, arguments: args }, ({ progress }) => heard.push(progress));
    expect(heard).toEqual([1, 2, 3]);
    expect(result['content']).toEqual(text(ends));
  });

  test('runs calls side by side without mixing their progress', async () => {
    const run = async (steps: number) => {
      const heard: number[] = [];
      await client.callTool(
        { name: 'inventory__count_slowly', arguments: { steps, pauseMs: 5 } },
        ({ progress, total }) => {
          expect(total).toBe(steps);
          heard.push(progress);
        },
      );
      return heard.length;
    };
    expect(await Promise.all([run(2), run(5), run(9)])).toEqual([2, 5, 9]);
  });

  test.each(['nothing', 'inventory__nothing', 'nowhere__get_item', 'inventory__', '__proto____x'])(
    'is told that there is no tool %j',
    async (name) => {
      await expect(client.callTool({ name, arguments: {} })).rejects.toMatchObject({
        code: -32602,
        message: expect.stringContaining('tools/list') as string,
      });
    },
  );
});

test('a modern client answers what a modern server asks, through the gateway', async () => {
  const client = await connect.modern();
  const result = await client.callTool({ name: 'workbench__roll_dice', arguments: {} });
  expect(JSON.stringify(result['content'])).toMatch(/"[1-6] [1-6] [1-6]"/);
});

test('a legacy client is told what it lacks to be asked', async () => {
  const client = await connect.legacy();
  const result = await client.callTool({ name: 'workbench__roll_dice', arguments: {} });
  expect(result['isError']).toBe(true);
  expect(JSON.stringify(result['content'])).toContain('elicitation');
});

describe.each(['legacy', 'modern'] as const)('when servers come and go, a %s client', (era) => {
  test('keeps its calls over a restart of a server that holds sessions', async () => {
    const client = await connect[era]();
    const get = { name: 'inventory__get_item', arguments: { sku: 'NUT-M6' } };
    const before = await client.callTool(get);
    await inventory.close();
    inventory = await startLegacyServer({ port: inventory.port });
    expect((await client.callTool(get))['content']).toEqual(before['content']);
  });

  test('gets a clear error from a server that is down while the other one works', async () => {
    const client = await connect[era]();
    await workbench.close();
    try {
      await expect(
        client.callTool({ name: 'workbench__roll_dice', arguments: { count: 1 } }),
      ).rejects.toMatchObject({
        message: expect.stringMatching(/"workbench" could not be reached/) as string,
        data: { server: 'workbench', kind: 'unreachable' },
      });
      const other = await client.callTool({ name: 'inventory__get_item', arguments: { sku: 'NUT-M6' } });
      expect(other['isError']).not.toBe(true);
      expect(gateway.log.lines.at(-1)).toMatchObject({
        event: 'upstream_failed',
        fields: { server: 'workbench', kind: 'unreachable' },
      });
    } finally {
      workbench = await startModernServer({ port: workbench.port });
    }
  });
});
