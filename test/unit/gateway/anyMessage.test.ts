import { Readable } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMcpEndpoints } from '../../../shared/gateway/endpoint.ts';
import type { Front } from '../../../shared/gateway/request.ts';
import { systemClock } from '../../../shared/platform/clock.ts';
import { randomId } from '../../../shared/platform/ids.ts';
import type { OutboundClient } from '../../../shared/platform/outbound.ts';
import { succeed } from '../../../shared/platform/result.ts';
import { continueTrace } from '../../../shared/platform/trace.ts';
import { testCredentials } from '../../support/credentials.ts';
import { createVisibleServers } from '../../../shared/registry/visibleServers.ts';
import { azureTableServerStore } from '../../../shared/registry/azureTableServerStore.ts';
import { azureTableToolsetStore } from '../../../shared/registry/azureTableToolsetStore.ts';
import {
  discoveryOf,
  MODERN,
  principal,
  recordingLog,
  tenantId,
  unheardAudit,
} from '../../support/gateway.ts';
import { memoryTables } from '../../support/memoryTables.ts';
import { memoryState } from '../../support/memoryState.ts';
import { serverRecord } from '../../support/serverRecord.ts';

/** An upstream of the modern era that answers everything. */
const outbound: OutboundClient = {
  request: ({ body }) => {
    const { id } = JSON.parse(body ?? '{}') as { id?: unknown };
    const text = JSON.stringify({ jsonrpc: '2.0', id, result: { resultType: 'complete', content: [] } });
    return Promise.resolve(
      succeed({
        statusCode: 200,
        headers: { 'content-type': 'application/json' },
        // A Readable has all of a response body that the gateway uses.
        body: Readable.from([Buffer.from(text)]) as never,
      }),
    );
  },
  close: () => Promise.resolve(),
};

const meta = fc.record(
  {
    'io.modelcontextprotocol/protocolVersion': fc.constantFrom<unknown>(MODERN, '2025-11-25', 'x', 1),
    'io.modelcontextprotocol/clientCapabilities': fc.constantFrom<unknown>({}, [], 1),
    progressToken: fc.jsonValue(),
  },
  { requiredKeys: [] },
);
const methods = [
  ...['initialize', 'ping', 'logging/setLevel', 'server/discover', '__proto__', 'tasks/get', 'acme/x'],
  ...['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'],
  ...['tools/call', 'prompts/get', 'resources/read', 'resources/subscribe', 'completion/complete'],
  ...['notifications/cancelled', 'notifications/initialized'],
];
/** Close to a message, but for anything that may be wrong with one. */
const message = fc.oneof(
  fc.jsonValue(),
  fc.record(
    {
      jsonrpc: fc.constantFrom<unknown>('2.0', '1.0', 2),
      id: fc.oneof(fc.integer(), fc.string(), fc.jsonValue()),
      method: fc.oneof(fc.constantFrom(...methods), fc.jsonValue()),
      params: fc.oneof(
        fc.record(
          {
            name: fc.oneof(fc.constantFrom('a__echo', 'echo', 'a__b'), fc.jsonValue()),
            uri: fc.oneof(fc.constantFrom('mcp+a+test://a', 'test://a'), fc.jsonValue()),
            cursor: fc.jsonValue(),
            level: fc.oneof(fc.constant('info'), fc.jsonValue()),
            ref: fc.oneof(
              fc.record({ type: fc.constantFrom('ref/prompt', 'x'), name: fc.jsonValue() }),
              fc.jsonValue(),
            ),
            arguments: fc.jsonValue(),
            _meta: fc.oneof(meta, fc.jsonValue()),
          },
          { requiredKeys: [] },
        ),
        fc.jsonValue(),
      ),
    },
    { requiredKeys: [] },
  ),
);
const header = fc.oneof(
  fc.constantFrom(MODERN, '2025-11-25', ...methods, 'a__echo', 'echo', '=?base64?!?='),
  fc.stringMatching(/^[ -~]*$/),
);
const headers = fc.dictionary(
  fc.constantFrom(
    ...['mcp-protocol-version', 'mcp-method', 'mcp-name', 'mcp-param-x', 'traceparent', 'accept'],
    ...['last-event-id', 'content-type'],
  ),
  header,
);
const session = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('none', 'own', 'another user’s') },
  fc.stringMatching(/^[!-~]{0,40}$/),
);
const front = fc.constantFrom<Front>(
  { kind: 'all' },
  { kind: 'server', slug: 'a' },
  { kind: 'server', slug: 'theirs' },
  { kind: 'server', slug: '__proto__' },
);

/** `FUZZ_RUNS=50000` for the long run. */
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 3_000);
/** What only another tenant may see. */
const SECRET = 'of-another-tenant';

test(
  'whatever is posted gets one answer that the protocol knows, is no fault of ours and shows nothing of others',
  async () => {
    const servers = azureTableServerStore(memoryTables());
    const log = recordingLog();
    const state = memoryState();
    const { post } = createMcpEndpoints({
      servers,
      toolsets: azureTableToolsetStore(memoryTables()),
      visibleServers: createVisibleServers({ servers, state, newId: randomId, sharingTenant: undefined }),
      outboundTo: () => outbound,
      credentials: testCredentials(),
      clock: systemClock,
      newId: randomId,
      shortLived: state,
      log,
      audit: unheardAudit,
    });
    const tool = { name: SECRET, inputSchema: { type: 'object' } };
    for (const [tenant, slug, tools] of [
      [tenantId, 'a', undefined],
      ['22222222-2222-4222-8222-222222222222', 'theirs', [tool]],
    ] as const) {
      const url = `http://127.0.0.1:9/${SECRET}`;
      const discovery = discoveryOf('modern', tools);
      await servers.add(serverRecord({ tenantId: tenant, slug, url, discovery }));
    }
    const begin = async (kind: Front, user: string) => {
      const response = await post({
        front: kind,
        headers: new Headers(),
        message: { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25' } },
        principal: principal(user),
        trace: continueTrace(undefined),
        signal: new AbortController().signal,
      });
      return response.headers.get('mcp-session-id') ?? '';
    };
    const tokens = {
      own: await begin({ kind: 'all' }, 'alice'),
      'another user’s': await begin({ kind: 'all' }, 'bob'),
    } as const;
    await fc.assert(
      fc.asyncProperty(message, headers, session, front, async (message, sent, session, front) => {
        const known = session === 'own' || session === 'another user’s' ? tokens[session] : session;
        const response = await post({
          front,
          headers: new Headers({ ...sent, ...(session !== 'none' && { 'mcp-session-id': known }) }),
          message,
          principal: principal('alice'),
          trace: continueTrace(undefined),
          signal: new AbortController().signal,
        });
        // A stream goes on for minutes: what it begins with is enough.
        if (response.headers.get('content-type') === 'text/event-stream') {
          await response.body?.cancel();
          return;
        }
        const text = await response.text();
        expect(text).not.toContain(SECRET);
        if (response.status === 202) {
          expect(text).toBe('');
          return;
        }
        expect([200, 400, 404]).toContain(response.status);
        const answer = JSON.parse(text) as Record<string, unknown>;
        expect(answer['jsonrpc']).toBe('2.0');
        expect(answer).toHaveProperty('id');
        expect('result' in answer).not.toBe('error' in answer);
      }),
      { numRuns },
    );
    expect(log.lines).toEqual([]);
    expect(({} as { admin?: unknown }).admin).toBeUndefined();
  },
  numRuns * 10,
);
