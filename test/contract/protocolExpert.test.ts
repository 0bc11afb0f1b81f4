import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { startLegacyServer } from '../../infra/local/demo/legacyServer.ts';
import { startModernServer } from '../../infra/local/demo/modernServer.ts';
import type { AuditEvent } from '../../shared/audit/model/record.ts';
import { discoverServer } from '../../shared/gateway/catalogue/discovery.ts';
import { createOutboundTo } from '../../shared/gateway/upstream/outboundTo.ts';
import type { SeenHealth } from '../../shared/gateway/upstream/serverHealth.ts';
import type { TaskHelpers } from '../../shared/orchestration/tasks/task.ts';
import { systemClock } from '../../shared/platform/base/clock.ts';
import { succeed } from '../../shared/platform/base/result.ts';
import { openOutboundClient } from '../../shared/platform/outbound/outboundClient.ts';
import { azureTableServerStore } from '../../shared/registry/records/azureTableServerStore.ts';
import type { Finding } from '../../shared/specialists/finding.ts';
import { capabilityNegotiation } from '../../shared/specialists/mcp-protocol-expert/capabilityNegotiation.ts';
import {
  complianceReport,
  handleProtocolViolation,
  specificationCompliance,
} from '../../shared/specialists/mcp-protocol-expert/complianceTasks.ts';
import { jsonRpcOptimization } from '../../shared/specialists/mcp-protocol-expert/jsonRpcOptimization.ts';
import { transportLayerTuning } from '../../shared/specialists/mcp-protocol-expert/transportTuning.ts';
import { testCredentials } from '../support/credentials.ts';
import { freePort } from '../support/freePort.ts';
import { recordingLog, tenantId } from '../support/gateway.ts';
import { discoveryOf, json } from '../support/handmadeUpstream.ts';
import { memoryTables } from '../support/memoryTables.ts';
import { header, on, onResult, put, raw } from '../support/protocol/breakages.ts';
import { type ProtocolServerOptions, startProtocolServer } from '../support/protocol/protocolServer.ts';
import { testSeal } from '../support/seal.ts';
import { serve } from '../support/serve.ts';
import { serverRecord } from '../support/serverRecord.ts';

const outbound = openOutboundClient('private_allowed');
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});
afterAll(() => outbound.close());

interface Found {
  readonly summary: string;
  readonly facts: Record<string, unknown>;
  readonly findings: readonly Finding[];
  readonly servers: readonly Record<string, unknown>[];
  readonly leftOut: readonly string[];
}

/** The tasks of the expert over a registry in memory. */
function expert() {
  const servers = azureTableServerStore(memoryTables());
  const audited: AuditEvent[] = [];
  const noted: SeenHealth[] = [];
  const deps = {
    servers,
    noteHealth: (_tenantId: string, _server: object, seen: SeenHealth) => void noted.push(seen),
    credentials: testCredentials(),
    outboundTo: createOutboundTo(
      outbound,
      { ...testCredentials(), valueOf: () => Promise.resolve(succeed('key')) },
      testSeal,
    ),
    audit: { append: (event: AuditEvent) => void audited.push(event) },
  };
  const tasks = {
    compliance: specificationCompliance(deps),
    sizes: jsonRpcOptimization(deps),
    transport: transportLayerTuning(deps),
    capabilities: capabilityNegotiation(deps),
    report: complianceReport(deps),
    violation: handleProtocolViolation(deps),
  };
  const run = async (task: keyof typeof tasks, input: unknown = {}, timeoutMs = 60_000) => {
    const helpers: TaskHelpers = {
      tenantId,
      delegationId: 'd1',
      traceId: '0af7651916cd43dd8448eb211c80319c',
      signal: AbortSignal.timeout(timeoutMs),
      deadline: new Date(Date.now() + timeoutMs),
      log: recordingLog(),
      clock: systemClock,
      actor: undefined,
      token: () => Promise.resolve(undefined),
      progress: () => undefined,
    };
    return tasks[task].execute(input, helpers);
  };
  return {
    audited,
    noted,
    servers,
    run,
    async look(task: keyof typeof tasks, input: unknown = {}, timeoutMs?: number): Promise<Found> {
      const outcome = await run(task, input, timeoutMs);
      if (!outcome.success) throw new Error(outcome.error.message);
      return outcome.result as Found;
    },
    /** Registers a server as a registration does: with what a probe found. */
    async register(slug: string, server: { readonly url: string; close(): Promise<void> }) {
      open.push(server);
      const found = await discoverServer(
        { tenantId, url: server.url },
        { outboundTo: () => outbound, clock: systemClock },
        AbortSignal.timeout(10_000),
      );
      if (!found.ok) throw new Error(found.error.message);
      await servers.add(serverRecord({ tenantId, slug, url: server.url, discovery: found.value }));
    },
    /** Registers a server whatever it is now. */
    registerAs: async (slug: string, url: string, era: 'legacy' | 'modern') => {
      await servers.add(serverRecord({ tenantId, slug, url, discovery: discoveryOf(era) }));
    },
    async start(slug: string, options: ProtocolServerOptions) {
      const server = await startProtocolServer(options);
      open.push(server);
      await this.registerAs(slug, server.url, options.era);
      return server;
    },
  };
}

const rules = ({ findings }: Found) => findings.map(({ rule }) => rule);
const down = async () => `http://127.0.0.1:${await freePort()}/mcp`;
/** Takes every request and answers none. */
const silent = async () => {
  const server = await serve(() => undefined);
  open.push(server);
  return server.url;
};

describe('mcp_specification_compliance', () => {
  test('of all active servers tells each check, and finds nothing at servers that keep the protocol', async () => {
    const all = expert();
    await all.start('stock', { era: 'legacy' });
    await all.start('tools', { era: 'modern' });
    const found = await all.look('compliance');
    expect(found.findings).toEqual([]);
    expect(found.leftOut).toEqual([]);
    expect(found.servers).toMatchObject([
      { slug: 'stock', era: 'legacy', version: '2025-11-25', reached: true, counts: { failed: 0 } },
      { slug: 'tools', era: 'modern', reached: true, counts: { failed: 0 } },
    ]);
    const [stock] = found.servers as [{ checks: { id: string }[] }];
    expect(stock.checks).toContainEqual({
      id: 'jsonrpc_version',
      outcome: 'passed',
      severity: 'critical',
      evidence: { looked: expect.any(Number) as number },
    });
  });

  test('names what a server breaks, where the specification says so, and what to do', async () => {
    const all = expert();
    const tamper = onResult('tools/list', put('result.tools.1.inputSchema', null));
    await all.start('stock', { era: 'modern', tamper });
    const found = await all.look('compliance', { slug: 'stock' });
    expect(found.findings).toEqual([
      {
        rule: 'input_schema_is_object',
        severity: 'critical',
        message:
          'stock: count.items: its inputSchema is not such a schema. inputSchema is a JSON Schema for objects.',
        evidence: {
          server: 'stock',
          era: 'modern',
          specification: 'https://modelcontextprotocol.io/specification/2026-07-28/server/tools#tool',
          looked: 3,
          failed: 1,
          where: ['count.items: its inputSchema is not such a schema'],
        },
        remedy: expect.stringContaining('type') as string,
      },
    ]);
  });

  test('judges a server by the era that it speaks now', async () => {
    const all = expert();
    const server = await startProtocolServer({ era: 'modern' });
    open.push(server);
    await all.registerAs('moved', server.url, 'legacy');
    const { servers, findings } = await all.look('compliance', { slug: 'moved' });
    expect(servers).toMatchObject([{ era: 'modern', counts: { failed: 0 } }]);
    expect(findings).toEqual([]);
  });

  test('says of a server that is down or wants credentials that it could not be looked at, and looks at the others', async () => {
    const all = expert();
    const locked = await serve((_request, response) => {
      json(response, { error: 'no' }, 401);
    });
    open.push(locked);
    await all.registerAs('down', await down(), 'legacy');
    await all.registerAs('locked', locked.url, 'modern');
    await all.start('stock', { era: 'legacy' });
    const found = await all.look('compliance');
    expect(found.findings).toMatchObject([
      { rule: 'server_reached', severity: 'critical', evidence: { server: 'down', kind: 'unavailable' } },
      { rule: 'server_reached', message: expect.stringContaining('HTTP 401') as string },
    ]);
    expect(found.servers).toMatchObject([{ reached: false }, { reached: false }, { reached: true }]);
  });

  test('calls a server with the credentials of its record, and tells nothing of them', async () => {
    const all = expert();
    const tamper: ProtocolServerOptions['tamper'] = (reply, { headers }) => {
      if (headers['x-api-key'] !== 'key') reply.status = 401;
    };
    const { url } = await startProtocolServer({ era: 'modern', tamper }).then((server) => {
      open.push(server);
      return server;
    });
    const upstream = { headers: { 'x-api-key': { credential: 'stock' } } };
    const discovery = discoveryOf('modern');
    await all.servers.add(serverRecord({ tenantId, slug: 'stock', url, discovery, upstream }));
    const found = await all.look('compliance');
    expect(found.servers).toMatchObject([{ reached: true, counts: { failed: 0 } }]);
    expect(JSON.stringify(found)).not.toContain('x-api-key');
  });

  test('keeps its deadline with a server that hangs, and says what hung', async () => {
    const all = expert();
    await all.registerAs('stuck', await silent(), 'legacy');
    const found = await all.look('compliance', {}, 5_000);
    expect(found.findings).toMatchObject([
      { rule: 'server_reached', evidence: { server: 'stuck', kind: 'timeout' } },
    ]);
  });

  test('leaves out what there is no time for, and says so', async () => {
    const all = expert();
    const url = await silent();
    for (const slug of ['a', 'b', 'c', 'd']) await all.registerAs(slug, url, 'legacy');
    const { leftOut, servers } = await all.look('compliance', {}, 4_500);
    expect(servers.length + leftOut.length).toBe(4);
    expect(leftOut).toContain('d');
  });

  test('tells nothing that a server sent as text', async () => {
    const all = expert();
    const secret = 'shelf-secret';
    const tamper = onResult('tools/list', put('result.tools.1.description', [secret]));
    await all.start('stock', { era: 'legacy', tamper });
    const found = await all.look('compliance');
    expect(rules(found)).toEqual(['item_texts_are_strings']);
    expect(JSON.stringify(found)).not.toContain(secret);
  });

  test.each(['other', 'UPPER'])('refuses the slug %s, which no active server has', async (slug) => {
    const outcome = await expert().run('compliance', { slug });
    expect(outcome).toMatchObject({
      success: false,
      error: { kind: expect.stringMatching(/not_found|invalid/) as string },
    });
  });

  test('sees no server of another tenant', async () => {
    const all = expert();
    const server = await startProtocolServer({ era: 'legacy' });
    open.push(server);
    await all.servers.add(
      serverRecord({ tenantId: 'other', slug: 'theirs', url: server.url, discovery: discoveryOf('legacy') }),
    );
    expect(await all.run('compliance', { slug: 'theirs' })).toMatchObject({ error: { kind: 'not_found' } });
    expect(await all.look('compliance')).toMatchObject({ servers: [], leftOut: [] });
    expect(server.received).toEqual([]);
  });
});

describe('json_rpc_optimization', () => {
  test('tells sizes, pages and the largest tools, and finds nothing to shorten at small servers', async () => {
    const all = expert();
    await all.register('inventory', await startLegacyServer({ port: 0 }));
    await all.start('stock', { era: 'modern' });
    const found = await all.look('sizes');
    expect(found.findings).toEqual([]);
    const [inventory, stock] = found.servers;
    expect(inventory).toMatchObject({
      slug: 'inventory',
      lists: [{ method: 'tools/list', pages: 1, items: 3, complete: true }],
      largestTools: [{ name: 'search_items' }, { name: 'count_slowly' }, { name: 'get_item' }],
    });
    expect(stock).toMatchObject({ lists: [{ pages: 2, items: 3 }, {}, {}, {}] });
  });

  test('names the tool, the list and the texts that could be smaller', async () => {
    const all = expert();
    const again = 'The number of the item, as it is printed on the shelf and on the label.';
    const property = { type: 'string', description: again };
    const tamper = onResult('tools/list', (reply, received) => {
      put('result.tools.1.description', 'a'.repeat(9_000))(reply, received);
      put('result.tools.1.inputSchema', { type: 'object', properties: { from: property, to: property } })(
        reply,
        received,
      );
      reply.raw = JSON.stringify(reply.message, null, 8);
    });
    await all.start('stock', { era: 'legacy', tamper });
    const found = await all.look('sizes', { slug: 'stock' });
    expect(found.findings).toMatchObject([
      {
        rule: 'tool_is_large',
        severity: 'warning',
        evidence: { name: 'count.items' },
        remedy: expect.stringContaining('its description') as string,
      },
      { rule: 'description_is_long', evidence: { tool: 'count.items' } },
      {
        rule: 'description_is_repeated',
        evidence: { times: 2, places: ['count.items.from', 'count.items.to'] },
      },
      { rule: 'json_is_loose', evidence: { method: 'tools/list' } },
    ]);
  });

  test('says that a server is down', async () => {
    const all = expert();
    await all.registerAs('down', await down(), 'modern');
    expect(rules(await all.look('sizes'))).toEqual(['server_reached']);
  });
});

describe('transport_layer_tuning', () => {
  test('measures both demo servers, and finds nothing that slows them', async () => {
    const all = expert();
    await all.register('inventory', await startLegacyServer({ port: 0 }));
    await all.register('workbench', await startModernServer({ port: 0 }));
    const found = await all.look('transport');
    expect(found.findings.filter(({ severity }) => severity !== 'info')).toEqual([]);
    expect(found.servers).toMatchObject([
      {
        slug: 'inventory',
        secure: false,
        local: true,
        form: 'events',
        stream: { offered: true },
        keepAlive: { closes: false },
      },
      { slug: 'workbench', form: 'json', list: { encodesUnasked: false } },
    ]);
    for (const { requests, connections } of found.servers) {
      expect(requests).toBeGreaterThan(6);
      expect(connections).toBeLessThan(Number(requests) / 2);
    }
  });

  test.each([
    ['connection_is_not_kept', header('connection', 'close')],
    ['connection_is_kept_briefly', header('keep-alive', 'timeout=3')],
    ['answers_are_encoded_unasked', on('tools/list', header('content-encoding', 'br'))],
  ] as const)('finds %s', async (rule, tamper) => {
    const all = expert();
    const keep = header('keep-alive', 'timeout=60');
    await all.start('stock', {
      era: 'legacy',
      tamper: (reply, received) => {
        keep(reply, received);
        tamper(reply, received);
      },
    });
    expect(rules(await all.look('transport'))).toContain(rule);
  });

  test('tells how much smaller a list is that the server compresses for those who ask', async () => {
    const all = expert();
    await all.start('stock', {
      era: 'legacy',
      tamper: (reply, received) => {
        if (received.headers['accept-encoding'] !== 'gzip') return;
        header('content-encoding', 'gzip')(reply, received);
        reply.raw = Buffer.alloc(40);
      },
    });
    const [stock] = (await all.look('transport')).servers as [
      { list: { bytes: number; compressedBytes: number } },
    ];
    expect(stock.list.compressedBytes).toBe(40);
    expect(stock.list.bytes).toBeGreaterThan(40);
  });

  test('says that a server is down, and that another is no MCP server', async () => {
    const all = expert();
    const page = await serve((_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
    );
    open.push(page);
    await all.registerAs('down', await down(), 'legacy');
    await all.registerAs('page', page.url, 'legacy');
    expect(rules(await all.look('transport'))).toEqual(['server_reached', 'server_opens']);
  });
});

describe('capability_negotiation', () => {
  test('gives the matrix of both eras, with what is not carried and why', async () => {
    const all = expert();
    const inventory = await startProtocolServer({ era: 'legacy' });
    const workbench = await startProtocolServer({ era: 'modern' });
    await all.register('inventory', inventory);
    await all.register('workbench', workbench);
    const found = await all.look('capabilities');
    expect(found.servers).toMatchObject([
      { slug: 'inventory', era: 'legacy', tools: 3, toolsLeftOut: [] },
      { slug: 'workbench', era: 'modern' },
    ]);
    const [first, second] = found.servers as { features: object[] }[];
    expect(first?.features).toContainEqual({ feature: 'tools', declared: true, legacy: true, modern: true });
    expect(first?.features).toContainEqual(
      expect.objectContaining({ feature: 'questions to clients', legacy: true, modern: false }),
    );
    expect(second?.features).toContainEqual(
      expect.objectContaining({ feature: 'extension com.example/shelves', legacy: true, modern: true }),
    );
    expect(found.findings).toEqual([]);
  });

  test('names a server that is down, one that has changed, and tools that nobody is shown', async () => {
    const all = expert();
    await all.registerAs('changed', (await sound()).url, 'modern');
    await all.registerAs('down', await down(), 'legacy');
    const unsound = { name: 'broken', inputSchema: null };
    const server = await startProtocolServer({ era: 'legacy' });
    open.push(server);
    const discovery = {
      ...discoveryOf('legacy', [unsound]),
      capabilities: (await known(server.url)).capabilities,
    };
    await all.servers.add(serverRecord({ tenantId, slug: 'unsound', url: server.url, discovery }));
    const found = await all.look('capabilities');
    expect(found.findings.map(({ rule, evidence }) => [rule, evidence['server']])).toEqual(
      expect.arrayContaining([
        ['registry_is_behind', 'changed'],
        ['server_reached', 'down'],
        ['tools_are_left_out', 'unsound'],
      ]),
    );
  });
});

async function sound() {
  const server = await startProtocolServer({ era: 'modern' });
  open.push(server);
  return server;
}
async function known(url: string) {
  const found = await discoverServer(
    { tenantId, url },
    { outboundTo: () => outbound, clock: systemClock },
    AbortSignal.timeout(10_000),
  );
  if (!found.ok) throw new Error(found.error.message);
  return found.value;
}
describe('generate_compliance_report', () => {
  test('of no servers says that there are none', async () => {
    expect(await expert().look('report')).toMatchObject({
      summary: 'There are no active servers to check.',
      findings: [],
    });
  });

  test('names each broken requirement once, with the servers that break it, the worst first', async () => {
    const all = expert();
    const tamper = onResult('tools/list', put('result.tools.1.name', 'count items'));
    await all.start('a', { era: 'legacy', tamper });
    await all.start('b', { era: 'legacy', tamper });
    await all.start('sound', { era: 'modern' });
    await all.registerAs('down', await down(), 'legacy');
    const found = await all.look('report');
    expect(found.summary).toBe('Of 4 active servers, 3 have no critical finding and 1 have some.');
    expect(found.findings).toMatchObject([
      { rule: 'server_reached', severity: 'critical', evidence: { server: 'down' } },
      { rule: 'tool_name_characters', severity: 'warning', evidence: { servers: ['a', 'b'], count: 2 } },
    ]);
    expect(found.facts).toMatchObject({ leftOut: [], servers: expect.any(Array) as unknown[] });
  });

  test('notes a server that gives no answer as failed', async () => {
    const all = expert();
    await all.start('sound', { era: 'modern' });
    await all.registerAs('down', await down(), 'legacy');
    await all.look('report');
    expect(all.noted).toMatchObject([
      { status: 'failed', reason: expect.stringContaining('A probe failed') as string },
    ]);
  });

  test.each(['legacy', 'modern'] as const)(
    'sends a %s server nothing that it must refuse, unless it is asked to be thorough',
    async (era) => {
      const all = expert();
      const refused: string[] = [];
      await all.start('sound', {
        era,
        tamper: ({ status }, { method, rpc }) => {
          // A server without a stream of its own answers GET with 405.
          if (status >= 400 && method !== 'GET') refused.push(`${method} ${rpc}`);
        },
      });
      await all.look('report');
      expect(refused).toEqual([]);
      await all.look('compliance', { probe: 'gentle' });
      expect(refused).toEqual([]);
      await all.look('report', { probe: 'thorough' });
      expect(refused.length).toBeGreaterThan(5);
    },
  );

  test('of more servers than it checks tells how many it left out', async () => {
    const all = expert();
    const { url } = await all.start('s0', { era: 'modern' });
    for (let n = 1; n < 28; n++) await all.registerAs(`s${n}`, url, 'modern');
    const { facts } = await all.look('report');
    expect(facts).toMatchObject({ leftOutCount: 3 });
  });
});

describe('handle_protocol_violation', () => {
  const event = (detail: object) => ({
    eventId: 'e1',
    type: 'protocol_violation',
    detail,
    raisedBy: 'mcp-orchestrator',
    raisedAt: new Date().toISOString(),
  });

  test('checks the server that the event names, and records what it found', async () => {
    const all = expert();
    const tamper = onResult(
      'tools/list',
      raw(() => 'sorry'),
    );
    await all.start('stock', { era: 'modern', tamper });
    const done = await all.look('violation', event({ server: 'stock', kind: 'not_mcp' }));
    expect(done.summary).toContain('stock breaks the protocol: answer_is_one_object');
    expect(all.audited).toMatchObject([
      {
        action: 'events.protocol_violation',
        resource: 'events/e1',
        outcome: 'succeeded',
        actor: 'mcp-protocol-expert',
      },
      { action: 'servers.check', resource: 'servers/stock', outcome: 'not_passed', tenantId },
    ]);
  });

  test('sends the server no malformed message: nobody asked for it', async () => {
    const all = expert();
    const { received } = await all.start('stock', { era: 'legacy' });
    await all.look('violation', event({ server: 'stock', kind: 'not_mcp' }));
    expect(received.length).toBeGreaterThan(3);
    expect(received.filter(({ method, message }) => method === 'POST' && !message?.['jsonrpc'])).toEqual([]);
  });

  test('says of a server that is sound by now that nothing was found', async () => {
    const all = expert();
    await all.start('stock', { era: 'modern' });
    const done = await all.look('violation', event({ server: 'stock', kind: 'not_mcp' }));
    expect(done.findings).toEqual([]);
    expect(all.audited).toMatchObject([{}, { action: 'servers.check', outcome: 'succeeded' }]);
  });

  test.each([
    [{}, 'names no server'],
    [{ server: '../x' }, 'names no server'],
    [{ server: 'gone' }, 'no active server "gone"'],
  ])('of %j takes note', async (detail, words) => {
    const all = expert();
    expect((await all.look('violation', event(detail))).summary).toContain(words);
    expect(all.audited).toHaveLength(1);
  });
});
