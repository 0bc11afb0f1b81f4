import { beforeAll, describe, expect, test } from 'vitest';
import { createTables } from '../../infra/local/tables.ts';
import { InfrastructureError } from '../../shared/platform/base/errors.ts';
import { type AppOnTables, appOnTables } from '../support/appOnTables.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';

let azurite: Azurite;
/** Opened while the tables answered. */
let session = '';
beforeAll(async () => {
  azurite = await startAzurite();
  await createTables(azurite.connectionString, AbortSignal.timeout(20_000));
  const hello = {
    protocolVersion: '2025-11-25',
    capabilities: { roots: {} },
    clientInfo: { name: 'c', version: '1' },
  };
  const began = await mcpApp().call('POST', '/mcp', { body: request('initialize', hello) });
  expect(began.status).toBe(200);
  session = began.headers.get('mcp-session-id') ?? '';
  await azurite.stop();
});

/** As a new instance, which remembers nothing. */
const mcpApp = (): AppOnTables => appOnTables('mcp', azurite.connectionString);
const request = (method: string, params: object = {}) => ({ jsonrpc: '2.0', id: 7, method, params });

const eras: Readonly<Record<string, { readonly headers: Record<string, string>; readonly params: object }>> =
  {
    legacy: { headers: {}, params: {} },
    modern: {
      headers: { 'mcp-protocol-version': '2026-07-28' },
      params: {
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientInfo': { name: 'c', version: '1' },
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      },
    },
  };
const named = { 'tools/call': 'name', 'prompts/get': 'name', 'resources/read': 'uri' } as const;

const both: readonly [method: string, params: object][] = [
  ['tools/list', {}],
  ['prompts/list', {}],
  ['resources/list', {}],
  ['resources/templates/list', {}],
  ['tools/call', { name: 'files__read', arguments: {} }],
  ['tools/call', { name: 'gateway__list_servers', arguments: {} }],
  ['tools/call', { name: 'gateway__get_delegation', arguments: { id: 'some' } }],
  ['tools/call', { name: 'gateway__search_audit', arguments: {} }],
  ['prompts/get', { name: 'files__read' }],
  ['resources/read', { uri: 'mcp+files+file:///a' }],
  [
    'completion/complete',
    { ref: { type: 'ref/prompt', name: 'files__a' }, argument: { name: 'a', value: '' } },
  ],
];
const legacy: typeof both = [
  ['initialize', { protocolVersion: '2025-11-25', capabilities: {} }],
  ['resources/subscribe', { uri: 'mcp+files+file:///a' }],
  ['resources/unsubscribe', { uri: 'mcp+files+file:///a' }],
];
const modern: typeof both = [
  ['server/discover', {}],
  ['subscriptions/listen', { notifications: { resourceSubscriptions: ['mcp+files+file:///a'] } }],
];
const requests = [
  ...both.flatMap(([method, params]) => Object.keys(eras).map((era) => [era, method, params] as const)),
  ...legacy.map(([method, params]) => ['legacy', method, params] as const),
  ...modern.map(([method, params]) => ['modern', method, params] as const),
];

const unavailable = { jsonrpc: '2.0', error: { code: -31503 } };

describe.concurrent(
  'while the tables are away an MCP client is told so, and not that the gateway is broken',
  () => {
    test.each(requests)('%s %s %j', async (era, method, own) => {
      const { headers = {}, params = {} } = eras[era] ?? {};
      const name =
        method in named ? String(Reflect.get(own, named[method as keyof typeof named])) : undefined;
      const told = await mcpApp().call('POST', '/mcp', {
        headers: {
          ...headers,
          ...(era === 'modern' && { 'mcp-method': method, ...(name !== undefined && { 'mcp-name': name }) }),
        },
        body: request(method, { ...params, ...own }),
      });
      expect([told.status, told.body]).toMatchObject([503, { ...unavailable, id: 7 }]);
      expect(told.headers.get('retry-after')).toBe('5');
      expect(JSON.stringify(told.body)).not.toMatch(/table|azure|127\.0\.0\.1|ECONN/i);
    });

    test.each(['/mcp', '/servers/files/mcp', '/toolsets/some/mcp'])('in a session at %s', async (path) => {
      const headers = { 'mcp-session-id': session };
      for (const method of ['GET', 'DELETE']) {
        const told = await mcpApp().call(method, path, { headers });
        expect([method, told.status, told.body]).toMatchObject([method, 503, { ...unavailable, id: null }]);
      }
      for (const message of [request('ping'), request('logging/setLevel', { level: 'info' })]) {
        const told = await mcpApp().call('POST', path, { headers, body: message });
        expect([told.status, told.body]).toMatchObject([503, { ...unavailable, id: 7 }]);
      }
      const answers = [
        { jsonrpc: '2.0', method: 'notifications/roots/list_changed' },
        { jsonrpc: '2.0', id: 'x', result: {} },
      ];
      for (const body of answers) {
        const told = await mcpApp().call('POST', path, { headers, body });
        expect([told.status, told.body]).toMatchObject([503, unavailable]);
      }
    });

    test('when the keys of the token issuer cannot be had', async () => {
      const app = mcpApp();
      Object.assign(app.http, {
        verifyToken: () =>
          Promise.reject(new InfrastructureError('identity_provider', 'fetch keys', undefined)),
      });
      const told = await app.call('POST', '/mcp', { body: request('tools/list') });
      expect([told.status, told.body]).toMatchObject([503, { ...unavailable, id: null }]);
    });
  },
);

test.concurrent('while the tables are away the management API answers 503', async () => {
  const management = appOnTables('management', azurite.connectionString);
  // These ask other parts, or say of them that they are away.
  const stateless = [
    'health-components',
    'dead-letters-list',
    'health',
    'agents-tasks',
    'quality-gates',
    'named-plans',
    'event-types',
    'registry-sync-last',
  ];
  const asked = management.routes.filter(
    ({ method, name, permission }) =>
      (method === 'GET' || method === 'DELETE') && permission !== 'anonymous' && !stateless.includes(name),
  );
  expect(asked.length).toBeGreaterThan(20);
  const told = await Promise.all(
    asked.map(async ({ name, method, path }) => {
      const at = path.replace(/\{\*rest\}/, 'com.example%2Fa/versions/1.0.0').replace(/\{\w+\}/g, 'some');
      const { status } = await management.call(method, `/${at}`);
      return [name, status];
    }),
  );
  expect(told.filter(([, status]) => status !== 503)).toEqual([]);
});
