import { expect, test } from 'vitest';
import type { Route } from '../../../../functions/http/route.ts';
import { serve } from '../../../../functions/http/serve.ts';
import { authorizeRoute } from '../../../../functions/mcp/oauth/authorize.ts';
import type { OAuthDeps } from '../../../../functions/mcp/oauth/deps.ts';
import type { OAuthClient } from '../../../../shared/identity/broker/client.ts';
import { reasonOf } from '../../../../shared/identity/broker/signInRefusal.ts';
import { succeed } from '../../../../shared/platform/base/result.ts';
import { fakeHttpDeps } from '../../../support/httpDeps.ts';

const gateway = 'https://gateway.example';
const site = 'https://site.example/cb';
const app = 'http://127.0.0.1:4567/cb';

/** Sends a request without PKCE, of a client that has both redirect URIs. */
async function malformed(kind: OAuthClient['kind'], redirectUri: string) {
  const client: OAuthClient = { id: 'client', kind, name: 'Client', redirectUris: [site, app] };
  const reasons: string[] = [];
  const deps: Pick<OAuthDeps, 'clients' | 'config' | 'record'> = {
    clients: { find: () => Promise.resolve(succeed(client)) },
    config: { publicOrigin: gateway, managementOrigin: 'https://api.example' } as OAuthDeps['config'],
    record: ({ error }) => reasons.push(error ? reasonOf(error) : 'done'),
  };
  const query = new URLSearchParams({
    client_id: 'client',
    response_type: 'code',
    redirect_uri: redirectUri,
  });
  const route = authorizeRoute(deps as OAuthDeps) as Route<never>;
  const response = await serve(
    route,
    fakeHttpDeps(),
  )(new Request(`${gateway}/oauth/authorize?${query.toString()}`));
  expect(reasons).toEqual(['request_malformed']);
  return response;
}

test.each<[OAuthClient['kind'], string]>([
  ['preset', site],
  ['preset', app],
  ['document', app],
  ['registered', app],
])('a %s client learns at %s what is wrong with its request', async (kind, redirectUri) => {
  const { status, headers } = await malformed(kind, redirectUri);
  expect(status).toBe(303);
  expect(headers.get('location')).toMatch(`${redirectUri}?error=invalid_request`);
});

test.each<OAuthClient['kind']>(['document', 'registered'])(
  'nobody is sent to the site of a %s client without having agreed',
  async (kind) => {
    const response = await malformed(kind, site);
    expect(response.status).toBe(400);
    expect(response.headers.get('location')).toBeNull();
    expect(await response.text()).toContain('code_challenge is required');
  },
);
