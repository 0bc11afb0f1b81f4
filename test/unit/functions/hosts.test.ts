import { describe, expect, test } from 'vitest';
import { ownHostsOf, readTarget } from '../../../functions/http/hosts.ts';

describe('the hosts of an app', () => {
  test.each<[origin: string, site: string | undefined, host: string, isOwn: boolean, why: string]>([
    ['https://mcp.contoso.com', undefined, 'mcp.contoso.com', true, 'that of the origin'],
    ['https://mcp.contoso.com', undefined, 'mcp.contoso.com:443', true, 'with the default port'],
    ['https://mcp.contoso.com', undefined, 'mcp.contoso.com:8443', false, 'another port'],
    ['https://mcp.contoso.com', undefined, 'evil.example', false, 'a name of somebody else'],
    ['https://mcp.contoso.com', undefined, 'mcp.contoso.com.evil.example', false, 'a name that begins alike'],
    ['https://mcp.contoso.com', undefined, 'localhost', false, 'loopback is not the origin here'],
    ['https://mcp.contoso.com', undefined, '127.0.0.1', false, 'nor is its address'],
    [
      'https://mcp.contoso.com',
      'app.azurewebsites.net',
      'app.azurewebsites.net',
      true,
      'the name of the site',
    ],
    ['https://mcp.contoso.com', 'App.AzureWebsites.net', 'app.azurewebsites.net', true, 'in any letter case'],
    ['https://mcp.contoso.com:8443', undefined, 'mcp.contoso.com:8443', true, 'the port of the origin'],
    ['https://mcp.contoso.com:8443', undefined, 'mcp.contoso.com', false, 'the origin has a port'],
    ['http://127.0.0.1:8001', undefined, '127.0.0.1:8001', true, 'a local origin'],
    ['http://127.0.0.1:8001', undefined, 'localhost:8001', true, 'a name of the same machine'],
    ['http://127.0.0.1:8001', undefined, '[::1]:8001', true, 'another'],
    ['http://127.0.0.1:8001', undefined, 'localhost:9000', false, 'another port'],
    ['http://127.0.0.1:8001', undefined, 'rebound.example:8001', false, 'a name that was made to lead here'],
  ])('%s, site %s: %s is one: %s (%s)', (origin, site, host, isOwn) => {
    expect(ownHostsOf(origin, site).has(host)).toBe(isOwn);
  });
});

describe('the target of a request', () => {
  const own = new Set(['mcp.contoso.com']);

  test.each<[url: string, kind: string | undefined, why: string]>([
    ['http://mcp.contoso.com/mcp?a=b', undefined, 'ours'],
    ['http://MCP.contoso.com/mcp', undefined, 'letter case'],
    ['http://evil.example/mcp', 'misdirected', 'of somebody else'],
    ['http://1.2.3.400/mcp', 'bad_request', 'no address, and no name may end in a number'],
    ['http://[::1/mcp', 'bad_request', 'no address'],
    ['http:///mcp', 'misdirected', 'the path is taken for the host'],
    ['http://user@mcp.contoso.com/mcp', 'bad_request', 'user information'],
    ['http://:secret@mcp.contoso.com/mcp', 'bad_request', 'user information'],
    ['http://mcp contoso.com/mcp', 'bad_request', 'a space'],
  ])('%s: %s (%s)', (url, kind) => {
    const target = readTarget(url, own);
    expect(target.ok ? undefined : target.error.kind).toBe(kind);
  });

  test('may be of any host where nobody minds, but not of none', () => {
    expect(readTarget('http://10.0.0.7:8080/health', 'any').ok).toBe(true);
    expect(readTarget('http://1.2.3.400/health', 'any').ok).toBe(false);
  });
});
