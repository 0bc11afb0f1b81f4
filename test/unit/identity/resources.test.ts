import { UnsecuredJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { resourceAt, resourceOf, resourceOfToken } from '../../../shared/identity/tokens/resources.ts';

const tenant = '2222AAAA-2222-4222-8222-222222222222';
const origins = { publicOrigin: 'https://mcp.contoso.com', managementOrigin: 'https://registry.contoso.com' };
const { publicOrigin, managementOrigin } = origins;

describe('a resource that a client asks for', () => {
  test.each<[text: string, url: string]>([
    [`${publicOrigin}/mcp`, `${publicOrigin}/mcp`],
    [`${publicOrigin}/servers/stock-2/mcp`, `${publicOrigin}/servers/stock-2/mcp`],
    [`${publicOrigin}/toolsets/sales/mcp`, `${publicOrigin}/toolsets/sales/mcp`],
    [managementOrigin, managementOrigin],
    [`${managementOrigin}/`, managementOrigin],
  ])('%s is that of an endpoint', (text, url) => {
    expect(resourceOf(text, origins)).toEqual({ url });
  });

  test('is the endpoint of all servers when it names none', () => {
    expect(resourceOf(undefined, origins)).toEqual({ url: `${publicOrigin}/mcp` });
  });

  test('names the tenant of its URL, and keeps the URL to the letter', () => {
    const url = `${publicOrigin}/mcp?tenant=${tenant}`;
    expect(resourceOf(url, origins)).toEqual({ url, tenant: tenant.toLowerCase() });
  });

  test.each([
    ['', 'nothing'],
    ['mcp', 'no URL'],
    [publicOrigin, 'no endpoint'],
    [`${publicOrigin}/mcp/`, 'a slash behind'],
    [`${publicOrigin}/MCP`, 'capitals'],
    [`${publicOrigin}/mcp#a`, 'a fragment'],
    [`${publicOrigin}/mcp?a=b`, 'another query'],
    [`${publicOrigin}/mcp?tenant=common`, 'no tenant id'],
    [`${publicOrigin}/mcp?tenant=${tenant}&tenant=${tenant}`, 'two tenants'],
    [`${publicOrigin}/mcp?tenant=${tenant}&a=b`, 'more than a tenant'],
    [`${publicOrigin}/servers/a/b/mcp`, 'a slash in a name'],
    [`${publicOrigin}/servers/%61/mcp`, 'an escape in a name'],
    [`${publicOrigin}/servers//mcp`, 'no name'],
    [`${publicOrigin}/health`, 'no endpoint'],
    ['https://mcp.contoso.com.evil.example/mcp', 'another origin'],
    ['https://user@mcp.contoso.com/mcp', 'user information'],
    ['http://mcp.contoso.com/mcp', 'another scheme'],
    [`${managementOrigin}/mcp`, 'another app'],
    [`${managementOrigin}/servers`, 'a path of the management API'],
  ])('%j is none: %s', (text) => {
    expect(resourceOf(text, origins)).toBeUndefined();
  });

  test.each(['mcp', 'servers/stock/mcp', 'toolsets/sales/mcp'])(
    'of a request to /%s is one that clients can ask for',
    (path) => {
      for (const query of ['', `tenant=${tenant}`, 'other=1', 'tenant=common']) {
        const url = resourceAt(publicOrigin, path, new URLSearchParams(query));
        expect(resourceOf(url, origins)).toMatchObject({ url });
      }
    },
  );
});

test.each<[aud: unknown, resource: string]>([
  [`${publicOrigin}/servers/stock/mcp`, `${publicOrigin}/servers/stock/mcp`],
  [managementOrigin, managementOrigin],
  ['c0ffee00-0000-4000-8000-000000000001', `${publicOrigin}/mcp`],
  ['https://evil.example/mcp', `${publicOrigin}/mcp`],
  [undefined, `${publicOrigin}/mcp`],
])('a kept token with the audience %j is judged as at %s', (aud, resource) => {
  const token = new UnsecuredJWT({ ...(aud !== undefined && { aud: aud as string }) }).encode();
  expect(resourceOfToken(token, origins)).toBe(resource);
  expect(resourceOfToken('no token', origins)).toBe(`${publicOrigin}/mcp`);
});
