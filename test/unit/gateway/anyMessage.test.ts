import { Readable } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Front } from '../../../shared/gateway/calls/call.ts';
import { createMcpEndpoints } from '../../../shared/gateway/calls/endpoint.ts';
import { metaOf } from '../../../shared/gateway/protocol/envelope.ts';
import { isObject } from '../../../shared/gateway/protocol/jsonRpc.ts';
import { encodeHeaderValue } from '../../../shared/gateway/protocol/parameterHeaders.ts';
import { systemClock } from '../../../shared/platform/base/clock.ts';
import { parseExactJson } from '../../../shared/platform/base/exactJson.ts';
import { randomId } from '../../../shared/platform/base/ids.ts';
import { succeed } from '../../../shared/platform/base/result.ts';
import type { OutboundClient } from '../../../shared/platform/outbound/outboundClient.ts';
import { continueTrace } from '../../../shared/platform/telemetry/trace.ts';
import { azureTableServerStore } from '../../../shared/registry/records/azureTableServerStore.ts';
import { createVisibleServers } from '../../../shared/registry/records/visibleServers.ts';
import { azureTableToolsetStore } from '../../../shared/registry/toolsets/azureTableToolsetStore.ts';
import { testCredentials } from '../../support/credentials.ts';
import { actor, recordingLog, tenantId, unheardAudit } from '../../support/gateway.ts';
import { discoveryOf } from '../../support/handmadeUpstream.ts';
import { memoryState } from '../../support/memoryState.ts';
import { memoryTables } from '../../support/memoryTables.ts';
import { outboundBody } from '../../support/outboundBody.ts';
import { MODERN } from '../../support/rawClient.ts';
import { testSeal } from '../../support/seal.ts';
import { serverRecord } from '../../support/serverRecord.ts';
import { chunksOf } from '../../support/streamed.ts';

let upstreamSessions = 0;
/**
 * An upstream of both eras that answers everything. Whoever opens a session is given one of a number of its own, and told that
 * number by every answer in it.
 */
const outbound: OutboundClient = {
  request: ({ body, headers }) => {
    const { id, method } = JSON.parse(body ?? '{}') as { id?: unknown; method?: unknown };
    const opens = method === 'initialize';
    if (opens) upstreamSessions += 1;
    const note = `in ${headers['mcp-session-id'] ?? 'none'}.`;
    const result = opens
      ? { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: {} }
      : { resultType: 'complete', content: [{ type: 'text', text: note }] };
    const text = JSON.stringify({ jsonrpc: '2.0', id, result });
    return Promise.resolve(
      succeed({
        statusCode: 200,
        headers: {
          'content-type': 'application/json',
          ...(opens && { 'mcp-session-id': `session-${upstreamSessions}` }),
        },
        body: outboundBody(Readable.from([Buffer.from(text)])),
      }),
    );
  },
  close: () => Promise.resolve(),
};

/** Any JSON as the app parses it: some numbers are exact. */
const exactNumber = fc.constantFrom('1.0', '725653563933458432', '1e400', '-0', '[1.0]').map(parseExactJson);
const anyJson = fc.oneof({ weight: 4, arbitrary: fc.jsonValue() }, { weight: 1, arbitrary: exactNumber });

/** What may pass, and now and then anything at all. */
const mostly = (good: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 9, arbitrary: good }, { weight: 1, arbitrary: anyJson });

const envelope = fc.record(
  {
    'io.modelcontextprotocol/protocolVersion': mostly(fc.constantFrom(MODERN, MODERN, '2025-11-25', 'x')),
    'io.modelcontextprotocol/clientCapabilities': mostly(fc.constantFrom({}, { elicitation: {} })),
    'io.modelcontextprotocol/logLevel': mostly(fc.constant('info')),
    progressToken: anyJson,
  },
  {
    requiredKeys: ['io.modelcontextprotocol/protocolVersion', 'io.modelcontextprotocol/clientCapabilities'],
  },
);
const methods = [
  ...['initialize', 'ping', 'logging/setLevel', 'server/discover', '__proto__', 'tasks/get', 'acme/x'],
  ...['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'],
  'subscriptions/listen',
  ...['tools/call', 'prompts/get', 'resources/read', 'resources/subscribe', 'completion/complete'],
  ...['notifications/cancelled', 'notifications/initialized'],
];
const params = fc.record(
  {
    name: mostly(fc.constantFrom('a__echo', 'legacy__echo', 'echo', 'a__b')),
    uri: mostly(fc.constantFrom('mcp+a+test://a', 'mcp+legacy+test://a', 'test://a')),
    cursor: anyJson,
    protocolVersion: mostly(fc.constant('2025-11-25')),
    capabilities: mostly(fc.constantFrom({}, { elicitation: {}, roots: {} })),
    level: mostly(fc.constant('info')),
    ref: mostly(fc.record({ type: fc.constantFrom('ref/prompt', 'ref/resource'), name: anyJson })),
    arguments: mostly(fc.dictionary(fc.string(), anyJson)),
    requestId: anyJson,
    notifications: mostly(fc.constant({ toolsListChanged: true, resourceSubscriptions: ['test://a'] })),
    _meta: mostly(envelope),
  },
  { requiredKeys: [] },
);
const parts = {
  jsonrpc: mostly(fc.constant('2.0')),
  id: mostly(fc.oneof(fc.integer(), fc.string())),
  method: mostly(fc.constantFrom(...methods)),
  params: mostly(params),
};
/** Close to a message, but for anything that may be wrong with one. */
const message = mostly(
  fc.oneof(
    { weight: 4, arbitrary: fc.record(parts) },
    fc.record(parts, { requiredKeys: ['jsonrpc', 'method'] }),
  ),
);
const header = fc.oneof(
  fc.constantFrom(MODERN, '2025-11-25', ...methods, 'a__echo', 'echo', '=?base64?!?='),
  fc.stringMatching(/^[ -~]*$/),
);
const strayHeaders = fc.dictionary(
  fc.constantFrom(
    ...['mcp-protocol-version', 'mcp-method', 'mcp-name', 'mcp-param-x', 'traceparent', 'accept'],
    ...['last-event-id', 'content-type'],
  ),
  header,
);
/** Headers that agree with the message, as far as it is one, so that many come further than the first check. */
function agreeing(message: unknown): Record<string, string> {
  const { method, params } = isObject(message) ? message : {};
  const { name, uri } = isObject(params) ? params : {};
  const version = metaOf(isObject(params) ? params : undefined)['io.modelcontextprotocol/protocolVersion'];
  const named = name ?? uri;
  return {
    'mcp-protocol-version': version === MODERN ? MODERN : '2025-11-25',
    ...(typeof method === 'string' && /^[!-~]+$/.test(method) && { 'mcp-method': method }),
    ...(typeof named === 'string' && { 'mcp-name': encodeHeaderValue(named) }),
  };
}
const session = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('none', 'none', 'own', 'own', 'another user’s') },
  fc.stringMatching(/^[!-~]{0,40}$/),
);
const front = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.constantFrom<Front>(
      { kind: 'all' },
      { kind: 'all' },
      { kind: 'server', slug: 'a' },
      { kind: 'server', slug: 'legacy' },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Front>(
      { kind: 'toolset', slug: 'a' },
      { kind: 'server', slug: 'theirs' },
      { kind: 'server', slug: '__proto__' },
    ),
  },
);

const httpMethod = fc.oneof(
  { weight: 20, arbitrary: fc.constant('post' as const) },
  { weight: 1, arbitrary: fc.constantFrom('listen', 'remove') },
);

const RUNS = process.env['CI'] === 'true' ? 50_000 : 10_000;
/** Longer is a hang: everything here answers at once. */
const WITHIN_MS = 5_000;
/** What only another tenant may see. */
const SECRET = 'of-another-tenant';
/** What only the other user's session with the legacy server may be told. */
const OTHERS_SESSION = 'in session-1.';

test('whatever is posted gets one answer that the protocol knows, is no fault of ours and shows nothing of others', async () => {
  const servers = azureTableServerStore(memoryTables());
  const log = recordingLog();
  let results = 0;
  const state = memoryState();
  const endpoints = createMcpEndpoints({
    servers,
    toolsets: azureTableToolsetStore(memoryTables()),
    visibleServers: createVisibleServers({ servers, state, newId: randomId, operatorTenant: tenantId }),
    outboundTo: () => outbound,
    noteHealth: () => undefined,
    seal: testSeal,
    credentials: testCredentials(),
    clock: systemClock,
    newId: randomId,
    shortLived: state,
    tenants: new Set([tenantId]),
    log,
    audit: unheardAudit,
  });
  const tool = { name: SECRET, inputSchema: { type: 'object' } };
  for (const [tenant, slug, era, tools] of [
    [tenantId, 'a', 'modern', undefined],
    [tenantId, 'legacy', 'legacy', undefined],
    ['22222222-2222-4222-8222-222222222222', 'theirs', 'modern', [tool]],
  ] as const) {
    const url = `http://127.0.0.1:9/${SECRET}`;
    const discovery = discoveryOf(era, tools);
    await servers.add(serverRecord({ tenantId: tenant, slug, url, discovery }));
  }
  const callBy = (user: string, kind: Front, message: unknown, sent: Record<string, string> = {}) => ({
    front: kind,
    headers: new Headers(sent),
    message,
    actor: actor(user),
    trace: continueTrace(undefined),
    signal: new AbortController().signal,
  });
  const begin = async (user: string) => {
    const params = { protocolVersion: '2025-11-25', capabilities: { elicitation: {} } };
    const message = { jsonrpc: '2.0', id: 1, method: 'initialize', params };
    const response = await endpoints.post(callBy(user, { kind: 'all' }, message));
    return response.headers.get('mcp-session-id') ?? '';
  };
  const tokens = { own: await begin('alice'), 'another user’s': await begin('bob') } as const;
  const ended = await begin('alice');
  const toLegacy = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'legacy__echo' } };
  const bobs = { 'mcp-session-id': tokens['another user’s'] };
  const told = await endpoints.post(callBy('bob', { kind: 'all' }, toLegacy, bobs));
  expect(await told.text()).toContain(OTHERS_SESSION);
  await fc.assert(
    fc.asyncProperty(
      httpMethod,
      message,
      strayHeaders,
      fc.constantFrom(true, true, true, true, false),
      session,
      front,
      async (method, message, sent, agrees, session, front) => {
        const known = session === 'own' || session === 'another user’s' ? tokens[session] : session;
        const token = method === 'remove' && session === 'own' ? ended : known;
        const given = agrees ? { ...sent, ...agreeing(message) } : sent;
        const named = session === 'none' ? given : { ...given, 'mcp-session-id': token };
        const response = await endpoints[method](callBy('alice', front, message, named));
        // A stream goes on for minutes: what it begins with is enough.
        const isStream = response.headers.get('content-type') === 'text/event-stream';
        const text = isStream ? await beginningOf(response) : await response.text();
        expect(text).not.toContain(SECRET);
        expect(text).not.toContain(OTHERS_SESSION);
        if (isStream) return;
        if (response.status === 202 || response.status === 204 || response.status === 405) {
          expect(text).toBe('');
          return;
        }
        expect([200, 400, 404]).toContain(response.status);
        const answer = JSON.parse(text) as Record<string, unknown>;
        expect(answer['jsonrpc']).toBe('2.0');
        if ('result' in answer) results += 1;
        expect(answer).toHaveProperty('id');
        expect('result' in answer).not.toBe('error' in answer);
      },
    ),
    { numRuns: RUNS, timeout: WITHIN_MS },
  );
  // Or else nothing came further than the first check.
  expect(results).toBeGreaterThan(RUNS / 20);
  expect(log.lines).toEqual([]);
  expect(({} as { admin?: unknown }).admin).toBeUndefined();
}, 120_000);

async function beginningOf(response: Response): Promise<string> {
  const chunks = chunksOf(response);
  const { value } = (await chunks.next()) as { value: Uint8Array };
  await chunks.return();
  return new TextDecoder().decode(value);
}
