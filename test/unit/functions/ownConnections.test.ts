import { expect, test } from 'vitest';
import type { Route } from '../../../functions/http/route.ts';
import { type ConnectionDeps, connectionRoutes } from '../../../functions/management/connections.ts';
import type { Connection } from '../../../shared/identity/connections/connection.ts';

const connection: Connection = {
  tenantId: 't1',
  userId: 'anna',
  slug: 'crm',
  issuer: 'https://login.example',
  origin: 'https://crm.example',
  scopes: [],
  connectedAt: '2026-11-30T12:00:00.000Z',
  sealed: 'sealed',
};
const client = { issuer: 'https://login.example', clientId: 'gateway' };

test.each<[string, object, Partial<Connection>]>([
  ['connected', { url: 'https://crm.example/mcp' }, {}],
  ['connected', { url: 'https://crm.example/mcp', client }, {}],
  ['sign_in_needed', { url: 'https://crm.example/mcp' }, { sealed: undefined }],
  ['sign_in_needed', { url: 'https://moved.example/mcp' }, {}],
  [
    'sign_in_needed',
    { url: 'https://crm.example/mcp', client: { ...client, issuer: 'https://new.example' } },
    {},
  ],
])('an account is shown as %s at %o', async (state, place, change) => {
  const deps = {
    accounts: {
      store: { find: () => Promise.resolve({ value: { ...connection, ...change }, etag: '1' }) },
      links: { urlFor: () => 'https://gateway.example/connections/crm/sign-in' },
    },
    accountTargetOf: () => ({ slug: 'crm', ...place }),
    visibleServers: { list: () => Promise.resolve({ items: [{ title: 'CRM' }] }) },
  } as unknown as ConnectionDeps;
  const list = connectionRoutes(deps)[0] as Route;
  const answer = await list.handle({
    actor: { tenantId: 't1', userId: 'anna', kind: 'user' },
    params: {},
    query: new URLSearchParams(),
  } as unknown as Parameters<Route['handle']>[0]);
  expect(answer).toMatchObject({ value: { body: { items: [{ server: 'crm', state }] } } });
});
