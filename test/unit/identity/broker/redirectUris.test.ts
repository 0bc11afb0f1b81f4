import { describe, expect, test } from 'vitest';
import type { OAuthClient } from '../../../../shared/identity/broker/client.ts';
import { redirectUriOf, redirectUriProblem } from '../../../../shared/identity/broker/redirectUris.ts';

const client = (redirectUris: readonly string[], kind: OAuthClient['kind'] = 'document'): OAuthClient => ({
  id: 'client',
  kind,
  name: 'Client',
  redirectUris,
});

describe('a redirect URI', () => {
  test.each<[own: string, asked: string, why: string]>([
    ['https://claude.ai/api/mcp/auth_callback', 'https://claude.ai/api/mcp/auth_callback', 'the same text'],
    ['http://127.0.0.1/callback', 'http://127.0.0.1:51234/callback', 'any port of the loopback interface'],
    ['http://127.0.0.1:33418/', 'http://127.0.0.1:6000/', 'another port than the registered one'],
    ['http://127.0.0.1:33418/', 'http://127.0.0.1/', 'no port'],
    ['http://[::1]/cb', 'http://[::1]:8080/cb', 'IPv6'],
    ['http://localhost:8787/callback', 'http://localhost:9/callback', 'a name that clients use'],
    ['http://localhost/cb?x=1', 'http://localhost:1/cb?x=1', 'the same query'],
    [
      'cursor://anysphere.cursor/callback',
      'cursor://anysphere.cursor/callback',
      'a scheme of its own document',
    ],
    ['com.example.app:/oauth', 'com.example.app:/oauth', 'a reverse domain name (RFC 8252, section 7.1)'],
  ])('of a client with %s may be %s: %s', (own, asked) => {
    expect(redirectUriOf(client(['https://other.example/', own]), asked)).toEqual({ ok: true, value: asked });
  });

  test.each<[own: string, asked: string | undefined, why: string]>([
    ['https://a.example/cb', undefined, 'none at all'],
    ['https://a.example/cb', 'https://a.example/cb/', 'a slash more'],
    ['https://a.example/cb', 'https://a.example/CB', 'another case'],
    ['https://a.example/cb', 'https://a.example/cb?x=1', 'a query more'],
    ['https://a.example/cb', 'https://a.example:8443/cb', 'a port that is not loopback'],
    ['https://a.example/cb', 'https://a.example:443/cb', 'the default port spelled out'],
    ['https://a.example/cb', 'https://a.example/cb/../evil', 'a path that leads elsewhere'],
    ['https://a.example/cb', 'https://a.example.evil.example/cb', 'a longer host'],
    ['https://a.example/cb', 'https://a.example@evil.example/cb', 'user information'],
    ['https://a.example/cb', 'https://evil.example\\@a.example/cb', 'a backslash'],
    ['https://a.example/cb', 'http://a.example/cb', 'plain http'],
    ['https://a.example/cb', 'https://a.example/cb#x', 'a fragment'],
    ['https://a.example/cb', ' https://a.example/cb', 'white space'],
    ['https://a.example/cb', 'https://a.exam\nple/cb', 'a line break, which browsers drop'],
    ['http://127.0.0.1/cb', 'http://localhost:1/cb', 'another name of the interface'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:1/other', 'another path'],
    ['http://127.0.0.1/cb', 'https://127.0.0.1:1/cb', 'another scheme'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:99999/cb', 'a port that there is not'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:1@evil.example/cb', 'a password that looks like a port'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1.evil.example/cb', 'a host that begins like loopback'],
    ['http://127.0.0.1/cb', 'http://2130706433/cb', 'another spelling of the address'],
    ['http://localhost/', 'http://localhost.evil.example/', 'a host that begins like the name'],
    ['app://cb', 'app://cb:1', 'a port of a custom scheme'],
    ['https:a.example/cb', 'https:a.example/cb', 'a path of the page that the browser is at'],
    ['https:///a.example/cb', 'https:///a.example/cb', 'three slashes'],
  ])('of a client with %s may not be %s: %s', (own, asked) => {
    expect(redirectUriOf(client([own]), asked)).toMatchObject({
      ok: false,
      error: { members: { error: 'invalid_request' } },
    });
  });

  test.each([
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'vbscript:x',
    'blob:https://a.example/x',
    'about:blank',
    'view-source:https://a.example/',
    'ftp://a.example/',
    'ws://a.example/',
    'mailto:a@example.com',
    'urn:ietf:wg:oauth:2.0:oob',
    'http://a.example/',
    'http://127.1/',
    'https://user@a.example/',
    'https://:password@a.example/',
    'https://evil.example\\@a.example/',
    'http://0.0.0.0/',
    '/relative',
    '',
    `https://a.example/${'x'.repeat(2_000)}`,
    'https://ä.example/',
  ])('is refused, even where a client or the settings name it: %s', (uri) => {
    for (const kind of ['preset', 'document', 'registered'] as const) {
      expect(redirectUriProblem(uri, kind)).toBeTypeOf('string');
      expect(redirectUriOf(client([uri], kind), uri).ok).toBe(false);
    }
  });

  test('has a custom scheme only where a document or the settings name it', () => {
    const uri = 'cursor://anysphere.cursor/callback';
    expect(redirectUriProblem(uri, 'preset')).toBeUndefined();
    expect(redirectUriProblem(uri, 'document')).toBeUndefined();
    expect(redirectUriProblem(uri, 'registered')).toMatch(/custom scheme/);
  });
});
