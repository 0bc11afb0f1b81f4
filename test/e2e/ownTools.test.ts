import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Api, managementApi } from '../support/managementApi.ts';
import { type SharedTopology, useSharedTopology } from '../support/sharedTopology.ts';

let topology: SharedTopology;
let admin: Api;
beforeAll(async () => {
  topology = await useSharedTopology({ demo: true });
  admin = managementApi(topology.urls.management, await topology.mint({ role: 'Admin' }));
});
afterAll(() => topology.stop());

/** What the tests need of either SDK's client. Both check what a tool answers against its output schema. */
interface AnyClient {
  list(): Promise<string[]>;
  call(name: string, args?: Record<string, unknown>): Promise<Readonly<Record<string, unknown>>>;
  close(): Promise<void>;
}
const info = { name: 'e2e', version: '1' };
const bearer = async (role: 'Admin' | 'Operator' | 'User') => ({
  requestInit: { headers: { authorization: `Bearer ${await topology.mint({ role })}` } },
});
const clients = {
  '@modelcontextprotocol/sdk': async (path, role) => {
    const client = new LegacyClient(info);
    await client.connect(new LegacyTransport(new URL(path, topology.urls.mcp), await bearer(role)));
    return {
      list: async () => (await client.listTools()).tools.map(({ name }) => name),
      call: async (name, args = {}) => ({ ...(await client.callTool({ name, arguments: args })) }),
      close: () => client.close(),
    };
  },
  '@modelcontextprotocol/client': async (path, role) => {
    const client = new ModernClient(info, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
    await client.connect(new ModernTransport(new URL(path, topology.urls.mcp), await bearer(role)));
    return {
      list: async () => (await client.listTools()).tools.map(({ name }) => name),
      call: async (name, args = {}) => ({ ...(await client.callTool({ name, arguments: args })) }),
      close: () => client.close(),
    };
  },
} as const satisfies Record<
  string,
  (path: string, role: 'Admin' | 'Operator' | 'User') => Promise<AnyClient>
>;

describe.each(Object.entries(clients))('%s', (sdk, connect) => {
  let client: AnyClient;
  beforeAll(async () => {
    client = await connect('/mcp', 'Admin');
    await client.list();
  });
  afterAll(() => client.close());

  test('sees all of the gateway’s own tools as an administrator, and one as a user', async () => {
    const own = (names: readonly string[]) => names.filter((name) => name.startsWith('gateway__'));
    expect(own(await client.list())).toHaveLength(8);
    const user = await connect('/mcp', 'User');
    expect(own(await user.list())).toEqual(['gateway__list_servers']);
    expect(await user.list()).toContain('inventory__get_item');
    await expect(user.call('gateway__search_audit')).rejects.toThrow(
      /There is no tool "gateway__search_audit"/,
    );
    expect(
      (await user.call('gateway__list_servers', { status: 'active' }))['structuredContent'],
    ).toMatchObject({
      items: [{ slug: 'inventory', status: 'active' }, { slug: 'toolbox' }],
    });
    await user.close();
    const alone = await connect('/servers/gateway/mcp', 'User');
    expect(await alone.list()).toEqual(['list_servers']);
    expect((await alone.call('list_servers', { search: 'inventory' }))['structuredContent']).toMatchObject({
      items: [{ slug: 'inventory' }],
    });
    await alone.close();
  });

  test('delegates a task, gets its result, and learns of it again', async () => {
    const work = { agent: 'fastmcp-specialist', task: 'probe', input: { echo: sdk }, idempotencyKey: sdk };
    const done = (await client.call('gateway__delegate_task', work))['structuredContent'];
    expect(done).toMatchObject({ state: 'succeeded', attempts: 1, result: { echo: sdk } });
    const { id } = done as { id: string };
    expect((await client.call('gateway__get_delegation', { id }))['structuredContent']).toMatchObject({ id });
    expect((await client.call('gateway__delegate_task', work))['structuredContent']).toMatchObject({ id });
    const other = await client.call('gateway__delegate_task', { ...work, input: { echo: 'other' } });
    expect(other).toMatchObject({ isError: true });
    expect(JSON.stringify(other['content'])).toContain('send a new key');
  });

  test('gets the state and the id of work that is still running', async () => {
    const work = { agent: 'mcp-debugger', task: 'probe', input: { waitMs: 1_000 }, waitSeconds: 0 };
    const begun = (await client.call('gateway__delegate_task', work))['structuredContent'] as { id: string };
    expect(begun).toMatchObject({ state: expect.stringMatching(/queued|running/) as string });
    const looked = await client.call('gateway__get_delegation', { id: begun.id, waitSeconds: 20 });
    expect(looked['structuredContent']).toMatchObject({ state: 'succeeded' });
  });

  test('runs a quality gate', async () => {
    expect(
      (await client.call('gateway__run_quality_gate', { gate: 'reachable' }))['structuredContent'],
    ).toMatchObject({
      status: 'passed',
      results: { first: { passed: true, agent: 'mcp-security-auditor' } },
    });
  });

  test('registers a server, and one that cannot be used is rejected with the reason', async () => {
    const slug = sdk.replace(/[^a-z]/g, '-').replace(/^-/, '');
    const good = { slug, url: topology.urls.inventory };
    expect((await client.call('gateway__register_server', good))['structuredContent']).toMatchObject({
      slug,
      status: 'active',
      phasesCompleted: ['auth', 'validation', 'registration', 'audit'],
    });
    const bad = { slug: `${slug}-gone`, url: 'http://127.0.0.1:9/mcp' };
    expect(await client.call('gateway__register_server', bad)).toMatchObject({
      isError: true,
      content: [{ type: 'text', text: expect.stringContaining('refused') as string }],
    });
    expect((await admin.delete(`/servers/${slug}`)).status).toBe(204);
  });

  test('reads the health and searches the audit trail, where its own calls are', async () => {
    expect((await client.call('gateway__get_health'))['structuredContent']).toMatchObject({
      components: { tables: { status: 'healthy' } },
    });
    const search = async (query: Record<string, unknown>) => {
      const { structuredContent } = await client.call('gateway__search_audit', query);
      return (structuredContent as { items: Record<string, unknown>[] }).items;
    };
    const acts = { action: 'delegations.create', resource: 'agents/mcp-debugger/tasks/probe' };
    await expect.poll(() => search(acts)).toContainEqual(expect.objectContaining({ outcome: 'succeeded' }));
    const calls = { action: 'tools/call', resource: 'servers/gateway/tools/delegate_task', limit: 5 };
    await expect.poll(() => search(calls)).toContainEqual(expect.objectContaining({ outcome: 'succeeded' }));
  });

  test.each([
    ['delegate_task', { agent: 'mcp-debugger', task: 'prob' }, 'did you mean "probe"'],
    ['delegate_task', { agent: 'mcp-debugger', task: 'probe', input: { waitMs: 'long' } }, 'input.waitMs'],
    ['get_delegation', { id: 'nothing' }, 'there is no delegation "nothing"'],
    ['get_report', { id: 'nothing' }, 'there is no report "nothing"'],
    ['run_quality_gate', { gate: 'reachabel' }, 'did you mean "reachable"'],
    ['register_server', { slug: 'gateway', url: 'https://mcp.example.com/mcp' }, 'slug: is reserved by'],
    ['search_audit', { from: 'yesterday' }, 'from'],
  ])('%s with %j gives an error that says what is wrong', async (name, args, words) => {
    const { isError, content } = await client.call(`gateway__${name}`, args);
    expect(isError).toBe(true);
    expect(JSON.stringify(content).replaceAll('\\"', '"')).toContain(words);
  });
});

test('an operator cannot call what takes an administrator', async () => {
  const operator = await clients['@modelcontextprotocol/sdk']('/mcp', 'Operator');
  expect(await operator.list()).not.toContain('gateway__register_server');
  await expect(operator.call('gateway__register_server', { slug: 'a', url: 'x' })).rejects.toThrow(
    'There is no tool',
  );
  await operator.close();
});

test('an act that cannot be recorded is not done, and the error says to try again', async () => {
  const client = await clients['@modelcontextprotocol/sdk']('/servers/gateway/mcp', 'Admin');
  await topology.kill('azurite');
  const refused = await client
    .call('delegate_task', { agent: 'mcp-debugger', task: 'probe' })
    .catch((error: unknown) => String(error));
  await topology.restart('azurite');
  expect(refused).toMatch(/-31503.*try again/);
  await client.close();
});
