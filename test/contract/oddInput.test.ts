import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTables } from '../../infra/local/tables.ts';
import type { HealthReport } from '../../shared/health/healthReport.ts';
import { type AppOnTables, appOnTables } from '../support/appOnTables.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { callerTenant } from '../support/httpDeps.ts';

let azurite: Azurite;
let management: AppOnTables;
let mcp: AppOnTables;
beforeAll(async () => {
  azurite = await startAzurite();
  await createTables(azurite.connectionString, AbortSignal.timeout(20_000));
  management = appOnTables('management', azurite.connectionString);
  mcp = appOnTables('mcp', azurite.connectionString);
  await keepHealthReport();
});
afterAll(() => azurite.stop());

/** Keeps a report that stays fresh, so that no request waits for agents, which do not run here. */
async function keepHealthReport(): Promise<void> {
  const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
  const report: HealthReport = {
    overallStatus: 'healthy',
    timestamp: inAnHour,
    components: {},
    degradedServices: [],
    failedServices: [],
    servers: { status: 'healthy', counts: {}, affected: [] },
  };
  await management.deps.shortLived.set(`mreg:health:${callerTenant}`, JSON.stringify(report), 3_600_000);
}

/** Texts that are no name of anything, or one that JavaScript knows. */
const odd: readonly string[] = [
  '😀',
  '\ud83d',
  '\u0000',
  '\u007f',
  'a\nb',
  '/',
  '\\',
  '#',
  '?',
  "'",
  "x' or PartitionKey ne 'y",
  '',
  ' ',
  '%2F',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'then',
  'x'.repeat(10_240),
];
const shown = odd.map((text) => [JSON.stringify(text).slice(0, 20), text] as const);

const parameters = [
  ...['limit', 'cursor', 'wait', 'plan', 'agent', 'state', 'name', 'status', 'tag', 'search'],
  ...['actor', 'action', 'resource', 'from', 'to', 'version', 'updated_since', 'include_deleted', 'format'],
];

/** Those that a table, a filter or a parser might take in another way. */
const queried = shown.filter(([, text]) => /[^\w ]|^$|__|^x/.test(text) && text.length !== 1);

test.each(queried)('%s in any query parameter of any read is no fault of the gateway', async (_, text) => {
  const reads = management.routes.filter(
    ({ method, name }) => method === 'GET' && !name.includes('link-read'),
  );
  for (const { path } of reads) {
    const at = path
      .replace(/\/\{\*rest\}/, '')
      .replace(/\{agent\}/, 'mcp-debugger')
      .replace(/\{\w+\}/g, 'x');
    for (const name of parameters) {
      const value = new URLSearchParams({ [name]: text }).toString();
      const { status } = await management.call('GET', `/${at}?${value}`);
      expect(status, `${at}?${name}`).toBeLessThan(500);
    }
    const cursor = Buffer.from(text).toString('base64url');
    const { status } = await management.call('GET', `/${at}?cursor=${cursor}`);
    expect(status, `cursor of ${at}`).toBeLessThan(500);
  }
});

describe.each(shown)('%s', (_, text) => {
  test.each([
    ['POST', '/delegations', (value: string) => ({ taskType: value })],
    ['POST', '/delegations', (value: string) => ({ agent: value, task: 'probe' })],
    ['POST', '/delegations', (value: string) => ({ agent: 'mcp-debugger', task: value })],
    ['POST', '/delegations', (value: string) => ({ taskType: 'middleware_issues', sessionId: value })],
    [
      'POST',
      '/delegations',
      (value: string) => ({ taskType: 'middleware_issues', input: { sessionId: value } }),
    ],
    [
      'POST',
      '/delegations',
      (value: string) => ({ taskType: 'middleware_issues', input: { [value]: value } }),
    ],
    ['POST', '/plans', (value: string) => ({ name: value })],
    ['POST', '/plans', (value: string) => ({ name: value, steps: [step({})] })],
    ['POST', '/plans', (value: string) => ({ steps: [step({ id: value })] })],
    ['POST', '/plans', (value: string) => ({ steps: [step({ dependsOn: [value] })] })],
    ['POST', '/plans', (value: string) => ({ steps: [step({ input: { $resultOf: value } })] })],
    ['POST', '/plans', (value: string) => ({ name: 'system_report', sessionId: value })],
    ['POST', '/quality-gates/pre_deployment/runs', (value: string) => ({ sessionId: value })],
    ['POST', '/reports', (value: string) => ({ sessionId: value })],
    ['POST', '/events', (value: string) => ({ type: value })],
    ['POST', '/events', (value: string) => ({ type: 'performance_degradation', detail: { [value]: value } })],
    ['POST', '/resource-pools/allocations', (value: string) => ({ operation: value })],
    ['POST', '/resource-pools/allocations', (value: string) => ({ operation: 'plan', estimatedLoad: value })],
    ['POST', '/registry-links', (value: string) => ({ name: value, tags: [value] })],
    ['POST', '/registry-links', (value: string) => ({ name: value })],
    ['POST', '/toolsets', (value: string) => ({ slug: value, title: value })],
    [
      'POST',
      '/toolsets',
      (value: string) => ({ slug: 'odd', title: 'T', resources: [{ server: 'a', uri: value }] }),
    ],
    ['PUT', '/toolsets/odd', (value: string) => ({ title: value })],
    ['POST', '/servers', (value: string) => ({ slug: value, url: 'http://127.0.0.1:9/mcp' })],
    [
      'POST',
      '/servers',
      (value: string) => ({ slug: 'odd', url: 'http://127.0.0.1:9/mcp', title: value, owner: value }),
    ],
    ['PUT', '/servers/odd', (value: string) => ({ url: value })],
    ['POST', '/servers/bulk', (value: string) => ({ servers: [{ slug: value }] })],
    [
      'POST',
      '/v0.1/publish',
      (value: string) => ({ name: `com.example/${value}`, description: 'd', version: '1.0.0' }),
    ],
    [
      'POST',
      '/v0.1/publish',
      (value: string) => ({ name: 'com.example/odd', description: value, version: value }),
    ],
    ['POST', '/agents/mcp-debugger/dead-letters/x/requeue', () => undefined],
  ])('%s %s: %s', async (method, path, body) => {
    const { status } = await management.call(method, path, { body: body(text) });
    expect(status).toBeLessThan(500);
  });

  test('as a version of a server is a version that there is not', async () => {
    for (const tail of [
      `versions/${encodeURIComponent(text.toWellFormed())}`,
      `?version=${encodeURIComponent(text.toWellFormed())}`,
    ]) {
      const { status } = await management.call('GET', `/v0.1/servers/com.example%2Fserver/${tail}`);
      expect(status).toBeLessThan(500);
    }
  });

  test.each([
    'delegate_task',
    'get_delegation',
    'run_quality_gate',
    'get_report',
    'list_servers',
    'search_audit',
  ])('as an argument of the tool %s is no fault of the gateway', async (tool) => {
    for (const name of ['id', 'gate', 'sessionId', 'cursor', 'tag', 'search', 'actor', 'resource', 'task']) {
      const params = { name: `gateway__${tool}`, arguments: { [name]: text } };
      const told = await mcp.call('POST', '/mcp', {
        body: { jsonrpc: '2.0', id: text, method: 'tools/call', params },
      });
      expect(told.status).toBe(200);
      expect(told.body, name).not.toHaveProperty('error');
      expect(JSON.stringify(told.body), name).not.toMatch(/does not answer|unexpected fault/);
    }
  });

  test('as a session, an event, a cursor or a name of an MCP request is refused', async () => {
    const headers = /^[\x21-\x7e]{1,4000}$/.test(text)
      ? { 'mcp-session-id': text, 'last-event-id': text }
      : undefined;
    const list = { jsonrpc: '2.0', id: text, method: 'tools/list' };
    if (headers) {
      expect((await mcp.call('POST', '/mcp', { headers, body: list })).status).toBe(404);
      expect((await mcp.call('GET', '/mcp', { headers })).status).toBe(404);
      expect((await mcp.call('DELETE', '/mcp', { headers })).status).toBe(404);
    }
    const requests = [
      { ...list, params: { cursor: text } },
      { ...list, method: text },
      { ...list, method: 'tools/call', params: { name: text } },
      { ...list, method: 'prompts/get', params: { name: text } },
      { ...list, method: 'resources/read', params: { uri: text } },
      { ...list, method: 'completion/complete', params: { ref: { type: text, name: text } } },
    ];
    for (const body of requests) {
      const told = await mcp.call('POST', '/mcp', { body });
      expect(told.status).toBe(200);
      expect([-32601, -32602, -32002]).toContain((told.body as { error?: { code: number } }).error?.code);
    }
  });
});

function step(more: object) {
  return { id: 'look', agent: 'mcp-debugger', task: 'middleware_issues', input: {}, ...more };
}
