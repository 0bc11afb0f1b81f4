import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { defaultTenant, secondTenant } from '../../infra/local/defaults.ts';
import { storageConnection } from '../../infra/local/settings.ts';
import type { Topology } from '../../infra/local/topology.ts';
import { azureTablePlanStore } from '../../shared/orchestration/stores/azureTableStores.ts';
import { openTables } from '../../shared/platform/tables/openTables.ts';
import { type Api, managementApi } from '../support/managementApi.ts';
import { startTestTopology } from '../support/topology.ts';

let topology: Topology;
let admin: Api;
let userToken: string;

beforeAll(async () => {
  topology = await startTestTopology({ demo: true });
  admin = managementApi(topology.urls.management, await topology.mint({ role: 'Admin' }));
  userToken = await topology.mint({ role: 'User' });
});
afterAll(() => topology.stop());

const mcpUrl = () => new URL('/mcp', topology.urls.mcp);
const bearer = () => ({ requestInit: { headers: { authorization: `Bearer ${userToken}` } } });
const info = { name: 'end-to-end', version: '1.0.0' };

/** The two SDKs and raw HTTP, behind what they all can do. */
interface Caller {
  list(): Promise<string[]>;
  call(name: string, args: object): Promise<unknown>;
  close(): Promise<void>;
}

async function legacyCaller(url = mcpUrl(), options = bearer()): Promise<Caller> {
  const client = new LegacyClient(info);
  await client.connect(new LegacyTransport(url, options));
  return {
    list: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args) => (await client.callTool({ name, arguments: { ...args } })).content,
    close: () => client.close(),
  };
}

async function modernCaller(url = mcpUrl(), options = bearer()): Promise<Caller> {
  const client = new ModernClient(info, { versionNegotiation: { mode: 'auto' } });
  await client.connect(new ModernTransport(url, options));
  return {
    list: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args) => (await client.callTool({ name, arguments: { ...args } })).content,
    close: () => client.close(),
  };
}

function rawCaller(): Promise<Caller> {
  const send = async (method: string, params: object) => {
    const response = await fetch(mcpUrl(), {
      method: 'POST',
      headers: {
        authorization: `Bearer ${userToken}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2025-11-25',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 7, method, params }),
    });
    const text = await response.text();
    const data = text.startsWith('{') ? text : (/^data: (\{.*"id":7.*\})$/m.exec(text)?.[1] ?? '');
    const { result, error } = JSON.parse(data) as {
      result?: Record<string, unknown>;
      error?: { message: string };
    };
    if (error) throw new Error(error.message);
    return result ?? {};
  };
  return Promise.resolve({
    list: async () => ((await send('tools/list', {}))['tools'] as { name: string }[]).map(({ name }) => name),
    call: async (name, args) => (await send('tools/call', { name, arguments: args }))['content'],
    close: () => Promise.resolve(),
  });
}

const callers = [
  ['@modelcontextprotocol/sdk, the 2025 era', legacyCaller],
  ['@modelcontextprotocol/client, the 2026 era', modernCaller],
  ['raw HTTP', rawCaller],
] as const;

describe('a server that an administrator registers', () => {
  test('is pending, is validated by the specialist of the other app, and becomes active with its tools', async () => {
    const registered = await admin.post('/servers', {
      slug: 'warehouse',
      url: topology.urls.inventory,
      title: 'Warehouse',
    });
    expect(registered).toMatchObject({
      status: 202,
      body: { slug: 'warehouse', status: 'pending', plan: { id: expect.any(String) as string } },
    });
    const plan = await admin.get(`${registered.headers.get('location') ?? ''}?wait=30`);
    expect(plan.body).toMatchObject({
      state: 'succeeded',
      steps: [
        { id: 'take_slug', app: 'management', agent: 'mcp-orchestrator', state: 'succeeded' },
        { id: 'authenticate_admin', app: 'mcp', agent: 'mcp-security-auditor', state: 'succeeded' },
        { id: 'validate_server_config', app: 'mcp', agent: 'fastmcp-specialist', state: 'succeeded' },
        { id: 'update_registry', app: 'management', agent: 'mcp-orchestrator', state: 'succeeded' },
        { id: 'audit_registration', app: 'mcp', agent: 'mcp-security-auditor', state: 'succeeded' },
      ],
    });
    const [, , step] = plan.body['steps'] as { delegation: { href: string } }[];
    expect((await admin.get(step?.delegation.href ?? '')).body).toMatchObject({
      state: 'succeeded',
      attempts: 1,
      result: { era: 'legacy' },
    });
    expect((await admin.get('/servers/warehouse')).body).toMatchObject({
      status: 'active',
      era: 'legacy',
      title: 'Warehouse',
    });
  });

  test('can be described by its server.json', async () => {
    const server = {
      name: 'com.example/toolbox',
      description: 'Units and dice',
      version: '1.0.0',
      remotes: [{ type: 'streamable-http', url: topology.urls.toolbox }],
    };
    expect((await admin.post('/servers?wait=30', { slug: 'by-json', server })).body).toMatchObject({
      status: 'active',
    });
    expect((await admin.get('/servers/by-json')).body).toMatchObject({
      url: topology.urls.toolbox,
      description: 'Units and dice',
      era: 'modern',
      server,
    });
    expect((await admin.delete('/servers/by-json')).status).toBe(204);
  });

  test('is rejected with the reason when nothing answers at its URL', async () => {
    await admin.post('/servers?wait=30', { slug: 'nobody', url: 'http://127.0.0.1:9/mcp' });
    const { body } = await admin.get('/servers/nobody');
    expect(body).toMatchObject({
      status: 'rejected',
      statusReason: expect.stringContaining('refused') as string,
    });
    expect((await admin.delete('/servers/nobody')).status).toBe(204);
    expect((await admin.get('/servers/nobody')).status).toBe(404);
  });
});

describe.each(callers)('%s', (_, open) => {
  test('lists the tools of all servers under their slugs and gets from each what the server itself answers', async () => {
    const caller = await open();
    const names = await caller.list();
    expect(names).toEqual(expect.arrayContaining(['inventory__search_items', 'toolbox__convert_units']));
    expect(new Set(names).size).toBe(names.length);

    const direct = await legacyCaller(new URL(topology.urls.inventory), {
      requestInit: { headers: { authorization: '' } },
    });
    const search = { text: 'bolt' };
    expect(await caller.call('inventory__search_items', search)).toEqual(
      await direct.call('search_items', search),
    );
    const directModern = await modernCaller(new URL(topology.urls.toolbox), {
      requestInit: { headers: { authorization: '' } },
    });
    const convert = { value: 3, from: 'km', to: 'm' };
    expect(await caller.call('toolbox__convert_units', convert)).toEqual(
      await directModern.call('convert_units', convert),
    );
    await Promise.all([caller.close(), direct.close(), directModern.close()]);
  });

  test('learns what is wrong from a call of a tool that is not there', async () => {
    const caller = await open();
    await expect(caller.call('inventory__no_such_tool', {})).rejects.toThrow('inventory__no_such_tool');
    await caller.close();
  });
});

describe('the audit trail', () => {
  const recordsOf = async (query: string) => {
    const { body } = await admin.get(`/audit?${query}`);
    return body['items'] as { id: string; outcome: string; begunBy?: string }[];
  };

  test('has the registration, recorded before it happened, the calls of tools, and verifies', async () => {
    const [end, begin] = await recordsOf('action=servers.register&resource=servers/warehouse');
    expect(begin).toMatchObject({ tenantId: defaultTenant, decision: 'allowed', outcome: 'begun' });
    expect(end).toMatchObject({ outcome: 'succeeded', begunBy: begin?.id });
    // The last call that each client made; records of calls come within a second.
    const refused = await vi.waitUntil(
      async () => {
        const found = await recordsOf('resource=servers/inventory/tools/no_such_tool');
        return found.length === callers.length && found;
      },
      { timeout: 10_000, interval: 200 },
    );
    expect(refused[0]).toMatchObject({ action: 'tools/call', decision: 'refused', outcome: 'not_found' });
    const calls = await recordsOf('resource=servers/toolbox/tools/convert_units');
    expect(calls).toMatchObject(callers.map(() => ({ decision: 'allowed', outcome: 'succeeded' })));
    const { status, body } = await admin.post('/audit/verifications', {});
    expect(status).toBe(200);
    expect(body['firstBad']).toBeUndefined();
    expect(body['verified']).toBeGreaterThan(8);
  });

  test('is for auditors and administrators of the tenant only', async () => {
    expect((await managementApi(topology.urls.management, userToken).get('/audit')).status).toBe(403);
    const stranger = await topology.mint({ role: 'Auditor', tenant: secondTenant });
    expect((await managementApi(topology.urls.management, stranger).get('/audit')).body['items']).toEqual([]);
  });
});

describe('while an upstream is down', () => {
  beforeAll(() => topology.kill('inventory'));
  afterAll(() => topology.restart('inventory'));

  test.each(callers)(
    '%s gets a clear error for its tools, and the tools of others go on working',
    async (_, open) => {
      const caller = await open();
      await expect(caller.call('inventory__search_items', { text: 'bolt' })).rejects.toThrow(
        /inventory.*refused/,
      );
      expect(await caller.call('toolbox__convert_units', { value: 1, from: 'km', to: 'm' })).toHaveLength(1);
      await caller.close();
    },
  );
});

describe('an app that is killed while a delegation is queued for it finishes it once it is back', () => {
  // Read from the store itself, since the management app is not there to ask.
  const stepStates = async (planId: string) => {
    const plan = await azureTablePlanStore(openTables(storageConnection(topology.ports)), [
      defaultTenant,
    ]).find(defaultTenant, planId);
    return plan?.value.steps.map(({ state }) => state);
  };
  const register = async (slug: string) => {
    const { body } = await admin.post('/servers', { slug, url: topology.urls.toolbox });
    return (body['plan'] as { id: string }).id;
  };
  const expectActive = async (slug: string, planId: string) => {
    expect((await admin.get(`/plans/${planId}?wait=30`)).body).toMatchObject({ state: 'succeeded' });
    expect((await admin.get(`/servers/${slug}`)).body).toMatchObject({ status: 'active' });
  };

  test('the mcp app, with the validation', async () => {
    await topology.kill('mcp');
    const planId = await register('restart-mcp');
    expect(await stepStates(planId)).toEqual(['succeeded', 'queued', 'waiting', 'waiting', 'waiting']);
    await topology.restart('mcp');
    await expectActive('restart-mcp', planId);
  });

  test('the management app, with the entry into the registry', async () => {
    await topology.kill('mcp');
    const planId = await register('restart-management');
    await topology.kill('management');
    await topology.restart('mcp');
    await vi.waitUntil(async () => (await stepStates(planId))?.[3] === 'queued', { timeout: 20_000 });
    await topology.restart('management');
    await expectActive('restart-management', planId);
  });
});
