import { describe, expect, test } from 'vitest';
import { compose } from '../../../functions/compose/compose.ts';
import { matches } from '../../../functions/http/paths.ts';
import type { Route } from '../../../functions/http/route.ts';
import { serve } from '../../../functions/http/serve.ts';
import { mcpRoutes } from '../../../functions/mcp/app.ts';
import { challengeAt } from '../../../functions/mcp/protectedResource.ts';
import { testConfig } from '../../support/config.ts';
import { fakeHttpDeps } from '../../support/httpDeps.ts';

const tenants = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'];
const example = (template: string): string => `/${template.replace(/\{(\w+)\}/g, 'some-$1')}`;

describe('protected resource metadata', () => {
  const deps = compose(testConfig({ MREG_APP: 'mcp', MREG_TENANTS: tenants.join() }));
  const routes = mcpRoutes(deps).filter(({ name }) => name.startsWith('metadata-'));

  test.each(routes.map((route) => [route.path, route] as const))(
    'at %s names the resource by the settings, whatever the request says (RFC 9728)',
    async (path, route) => {
      const request = new Request(`https://gateway.example${example(path)}`, {
        headers: { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http' },
      });
      const response = await serve(route, fakeHttpDeps())(request);
      expect(response.status).toBe(200);
      expect(response.headers.get('cache-control')).toBe('public, max-age=3600');
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      const resource = `https://mcp.contoso.com/${/servers|toolsets/.test(path) ? example(path).split('/').slice(3).join('/') : 'mcp'}`;
      expect(await response.json()).toEqual({
        resource,
        scopes_supported: [`${resource}/mcp.access`],
        resource_name: 'MCP Registry Gateway',
        authorization_servers: [`https://login.microsoftonline.com/${tenants[0] ?? ''}/v2.0`],
        bearer_methods_supported: ['header'],
      });
    },
  );

  test.each(routes.map((route) => [route.path, route] as const))(
    'at %s names the tenant that its reader names, known or not, and refuses what is no tenant id',
    async (path, route) => {
      const ask = (query: string) =>
        serve(route, fakeHttpDeps())(new Request(`http://gateway.example${example(path)}?${query}`));
      for (const tenant of [tenants[1] ?? '', '12345678-1234-4234-8234-1234567890AB']) {
        const body = (await (await ask(`tenant=${tenant}`)).json()) as Record<string, unknown>;
        expect(body['resource']).toMatch(`mcp?tenant=${tenant}`);
        expect(body['scopes_supported']).toEqual([`${String(body['resource'])}/mcp.access`]);
        expect(body['authorization_servers']).toEqual([
          `https://login.microsoftonline.com/${tenant.toLowerCase()}/v2.0`,
        ]);
      }
      for (const query of [
        'tenant=',
        'tenant=common',
        `tenant=${tenants[0] ?? ''}&tenant=${tenants[1] ?? ''}`,
      ])
        expect((await ask(query)).status).toBe(400);
    },
  );

  const endpoints = mcpRoutes(deps).filter(({ permission }) => permission === 'mcp.use');
  const challengeFor = async (path: string) => {
    const route = endpoints.find(
      (each) => each.method === 'POST' && matches(each.path, path.split('?')[0] ?? ''),
    );
    const { www } = await serve(route as Route<unknown>, {
      ...deps,
      resource: 'https://mcp.contoso.com/mcp',
      challenge: challengeAt(deps.config.publicOrigin, 'mcp', new URLSearchParams()),
      log: fakeHttpDeps().log,
      ownHosts: fakeHttpDeps().ownHosts,
    })(new Request(`https://gateway.example${path}`, { method: 'POST' })).then(({ headers }) => ({
      www: headers.get('www-authenticate') ?? '',
    }));
    return {
      url: new URL(/resource_metadata="([^"]+)"/.exec(www)?.[1] ?? ''),
      scope: /scope="([^"]+)"/.exec(www)?.[1],
      hasError: www.includes('error='),
    };
  };

  test.each([
    ['/mcp', '/mcp', 'the aggregate endpoint'],
    ['/servers/stock/mcp', '/servers/stock/mcp', 'a server'],
    ['/servers/gateway/mcp', '/servers/gateway/mcp', 'the built-in tools, whose name no server may have'],
    ['/servers/bulk/mcp', '/servers/bulk/mcp', 'another reserved name'],
    ['/servers/Stock_2/mcp', '/servers/Stock_2/mcp', 'a name that no server can have'],
    [`/servers/${'x'.repeat(200)}/mcp`, `/servers/${'x'.repeat(200)}/mcp`, 'the longest name'],
    ['/toolsets/none-such/mcp', '/toolsets/none-such/mcp', 'an unknown toolset'],
    [
      `/mcp?tenant=${tenants[1] ?? ''}`,
      `/mcp?tenant=${tenants[1] ?? ''}`,
      'the endpoint as another tenant calls it',
    ],
    ['/mcp?tenant=common', '/mcp', 'no tenant id'],
    ['/mcp?other=1', '/mcp', 'a query that names nothing'],
    ['/servers/%F0%9F%98%80/mcp', '/mcp', 'a name that nothing has'],
    [`/servers/${'x'.repeat(201)}/mcp`, '/mcp', 'a name that is too long'],
  ])('exists at the URL that the 401 of %s names, for %s: %s', async (path, resource) => {
    const { url, scope, hasError } = await challengeFor(path);
    const route = routes.find((each) => matches(each.path, url.pathname));
    const response = await serve(
      route as Route,
      fakeHttpDeps(),
    )(new Request(`https://gateway.example${url.pathname}${url.search}`));
    expect(await response.json()).toMatchObject({
      resource: `https://mcp.contoso.com${resource}`,
      scopes_supported: [scope],
    });
    expect(scope).toBe(`https://mcp.contoso.com${resource}/mcp.access`);
    expect(hasError).toBe(false);
  });
});
