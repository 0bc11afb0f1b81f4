import { describe, expect, test } from 'vitest';
import {
  type AddressPolicy,
  checkOutboundUrl,
  isAllowedAddress,
} from '../../../shared/platform/security/addressRules.ts';

const address = 'must not point to a private, loopback, link-local or otherwise reserved address';
const port = 'must use port 443';
const https = 'must use https';
const user = 'must not hold a user name or password';
const fragment = 'must not have a fragment';
const url = 'is not an absolute URL';

/** In a public deployment: what a tenant may register, and what it may not. */
const publicRows: readonly (readonly [input: string, refusal: string | undefined, why: string])[] = [
  ['https://mcp.example.com/mcp', undefined, 'an ordinary server'],
  ['https://mcp.example.com:443/mcp', undefined, 'the scheme’s own port'],
  ['https://93.184.216.34/', undefined, 'a public IPv4 address'],
  ['https://[2606:2800:220:1:248:1893:25c8:1946]/', undefined, 'a public IPv6 address'],
  ['https://mcp.example.com/mcp?tenant=a', undefined, 'a query is the server’s business'],
  ['https://xn--mnchen-3ya.example/', undefined, 'an international name'],
  ['https://127.example.com/', undefined, 'a name that only begins like an address'],
  ['https://localhost.example.com/', undefined, 'a name that only begins like localhost'],
  ['https://notlocalhost/', undefined, 'a name that only ends like localhost; the resolver judges it'],

  ['http://mcp.example.com/', https, 'no TLS'],
  ['ftp://mcp.example.com/', https, 'another protocol'],
  ['file:///etc/passwd', https, 'the local disk'],
  ['gopher://127.0.0.1:6379/_FLUSHALL', https, 'a protocol that speaks to Redis'],
  ['data:text/html,hi', https, 'no server at all'],
  ['javascript:alert(1)', https, 'no server at all'],
  ['blob:https://mcp.example.com/1', https, 'no server at all'],
  ['ws://mcp.example.com/', https, 'another protocol'],
  ['wss://mcp.example.com/', https, 'another protocol'],

  ['', url, 'nothing'],
  ['/mcp', url, 'a path alone'],
  ['//mcp.example.com/', url, 'no scheme'],
  ['mcp.example.com', url, 'no scheme'],
  ['https://', url, 'no host'],
  ['https://exa mple.com/', url, 'a space in the host'],
  ['https://[::1', url, 'half an address'],
  ['https://[fe80::1%25eth0]/', url, 'a zone'],
  ['https://256.256.256.256/', url, 'no address'],
  ['https://1.2.3.4.5/', url, 'no address'],
  ['https://mcp.example.com:99999/', url, 'no port'],
  ['https://example.com%00.evil.example/', url, 'a zero byte'],

  ['https://admin:secret@mcp.example.com/', user, 'a secret in the registry'],
  ['https://mcp.example.com@127.0.0.1/', user, 'looks like another host'],
  ['https://:secret@mcp.example.com/', user, 'a password alone'],
  ['https://mcp.example.com/#top', fragment, 'is never sent'],
  ['https://mcp.example.com/#', fragment, 'an empty one is one'],

  ['https://mcp.example.com:8443/', port, 'another service of the same host'],
  ['https://mcp.example.com:22/', port, 'a port scan'],
  ['https://mcp.example.com:80/', port, 'another service of the same host'],
  ['https://127.0.0.1:6379/', port, 'Redis'],

  ['https://localhost/', address, 'the machine itself'],
  ['https://LOCALHOST/', address, 'in capitals'],
  ['https://localhost./', address, 'with the final dot'],
  ['https://localhost../', address, 'with two'],
  ['https://mcp.localhost/', address, 'names under localhost are the machine itself (RFC 6761)'],
  ['https://127.0.0.1/', address, 'loopback'],
  ['https://127.0.0.1./', address, 'with the final dot'],
  ['https://127.1/', address, 'in short'],
  ['https://127.255.255.254/', address, 'all of 127/8'],
  ['https://0x7f.1/', address, 'hexadecimal, in short'],
  ['https://0x7f000001/', address, 'hexadecimal, in one'],
  ['https://0177.0.0.1/', address, 'octal'],
  ['https://2130706433/', address, 'decimal'],
  ['https://①②⑦.0.0.1/', address, 'circled digits'],
  ['https://１２７.０.０.１/', address, 'full-width digits'],
  ['https://127。0。0。1/', address, 'ideographic full stops'],
  ['https://%31%32%37.0.0.1/', address, 'percent-encoded'],
  ['https:\\\\127.0.0.1\\', address, 'backslashes'],
  ['https:127.0.0.1', address, 'no slashes'],
  ['  https://127.0.0.1/  ', address, 'spaces around'],
  ['https://127.0\n.0.1/', address, 'a line break inside'],
  ['https://0.0.0.0/', address, 'every address of the machine'],
  ['https://0/', address, 'the same in short'],
  ['https://10.1.2.3/', address, 'private'],
  ['https://172.16.0.1/', address, 'private'],
  ['https://172.31.255.255/', address, 'private, the last'],
  ['https://192.168.1.1/', address, 'private'],
  ['https://100.64.0.1/', address, 'carrier-grade NAT'],
  ['https://169.254.169.254/metadata/identity/oauth2/token', address, 'Azure’s instance metadata'],
  ['https://0xa9fea9fe/', address, 'the same in hexadecimal'],
  ['https://2852039166/', address, 'the same in decimal'],
  ['https://169.254.130.1/', address, 'where App Service keeps its identity endpoint'],
  ['https://168.63.129.16/machine?comp=goalstate', address, 'Azure’s WireServer'],
  ['https://0xa83f8110/', address, 'the same in hexadecimal'],
  ['https://[::ffff:168.63.129.16]/', address, 'the same, mapped into IPv6'],
  ['https://224.0.0.1/', address, 'multicast'],
  ['https://255.255.255.255/', address, 'broadcast'],
  ['https://240.0.0.1/', address, 'reserved'],
  ['https://192.0.2.1/', address, 'documentation'],
  ['https://198.18.0.1/', address, 'benchmarking'],
  ['https://192.0.0.192/', address, 'Oracle’s instance metadata'],
  ['https://[::1]/', address, 'loopback'],
  ['https://[0:0:0:0:0:0:0:1]/', address, 'loopback at length'],
  ['https://[::]/', address, 'every address of the machine'],
  ['https://[::ffff:127.0.0.1]/', address, 'IPv4-mapped'],
  ['https://[::ffff:a9fe:a9fe]/', address, 'IPv4-mapped, in hexadecimal'],
  ['https://[::127.0.0.1]/', address, 'IPv4-compatible'],
  ['https://[::7f00:1]/', address, 'IPv4-compatible, in hexadecimal'],
  ['https://[::a9fe:a9fe]/', address, 'IPv4-compatible, metadata'],
  ['https://[::ffff:0:127.0.0.1]/', address, 'IPv4-translated (RFC 6145)'],
  ['https://[64:ff9b::a9fe:a9fe]/', address, 'NAT64'],
  ['https://[64:ff9b::169.254.169.254]/', address, 'NAT64'],
  ['https://[64:ff9b:1::a9fe:a9fe]/', address, 'local NAT64 (RFC 8215)'],
  ['https://[2002:7f00:1::]/', address, '6to4'],
  ['https://[2001:0:53aa:64c:0:0:80ff:fffe]/', address, 'Teredo'],
  ['https://[fe80::1]/', address, 'link-local'],
  ['https://[fec0::1]/', address, 'site-local'],
  ['https://[fc00::1]/', address, 'unique local'],
  ['https://[fd00:ec2::254]/', address, 'Amazon’s instance metadata'],
  ['https://[ff02::1]/', address, 'multicast'],
  ['https://[2001:db8::1]/', address, 'documentation'],
  ['https://[100::1]/', address, 'discard'],
];

/** On a developer's machine: loopback and private networks, over http too, and nothing else besides. */
const privateRows: typeof publicRows = [
  ['http://127.0.0.1:8011/mcp', undefined, 'a server of the developer'],
  ['http://localhost:8011/mcp', undefined, 'by name'],
  ['http://[::1]:8011/mcp', undefined, 'by IPv6'],
  ['http://[::ffff:127.0.0.1]:8011/mcp', undefined, 'IPv4-mapped'],
  ['http://10.0.0.5/mcp', undefined, 'on the private network'],
  ['https://192.168.1.1:8443/mcp', undefined, 'on the private network'],
  ['https://[fd12::1]/mcp', undefined, 'unique local'],
  ['https://mcp.example.com/mcp', undefined, 'an ordinary server'],
  ['ftp://127.0.0.1/', 'must use https or http', 'another protocol'],
  ['file:///etc/passwd', 'must use https or http', 'the local disk'],
  ['http://user:secret@127.0.0.1:8011/', user, 'a secret in the registry'],
  ['http://127.0.0.1:8011/#top', fragment, 'is never sent'],
  ['http://169.254.169.254/metadata/identity', address, 'instance metadata is nobody’s server'],
  ['http://[::ffff:a9fe:a9fe]/', address, 'instance metadata, mapped'],
  ['http://[fe80::1]/', address, 'link-local'],
  ['http://168.63.129.16/machine', address, 'WireServer'],
  ['http://0.0.0.0:8011/', address, 'unspecified'],
  ['http://[::7f00:1]:8011/', address, 'IPv4-compatible'],
  ['http://[64:ff9b::7f00:1]/', address, 'NAT64'],
  ['http://100.64.0.1/', address, 'carrier-grade NAT'],
  ['http://224.0.0.1/', address, 'multicast'],
];

function expectVerdict(input: string, policy: AddressPolicy, refusal: string | undefined): void {
  const verdict = checkOutboundUrl(input, policy);
  if (refusal === undefined) {
    expect(verdict).toMatchObject({ ok: true });
  } else {
    const error = { kind: 'invalid', message: refusal, errors: [{ path: 'url', message: refusal }] };
    expect(JSON.parse(JSON.stringify(verdict))).toEqual({ ok: false, error });
  }
}

describe('with public upstreams only', () => {
  test.each(publicRows)('%j: %s (%s)', (input, refusal) => {
    expectVerdict(input, 'public', refusal);
  });
});

describe('with private upstreams allowed', () => {
  test.each(privateRows)('%j: %s (%s)', (input, refusal) => {
    expectVerdict(input, 'private_allowed', refusal);
  });
});

test('whatever is refused in private is refused in public', () => {
  for (const [input, refusal] of privateRows) {
    if (refusal !== undefined) expect(checkOutboundUrl(input, 'public').ok).toBe(false);
  }
});

test('a URL is given back as the parser reads it, so that what was judged is what is called', () => {
  const verdict = checkOutboundUrl(' HTTPS://MCP.Example.com:443/a/../b ', 'public');
  expect(verdict.ok && verdict.value.href).toBe('https://mcp.example.com/b');
});

test.each([
  ['', 'nothing'],
  ['mcp.example.com', 'a name'],
  ['fe80::1%eth0', 'link-local with a zone'],
  ['::ffff:10.0.0.1', 'IPv4-mapped private'],
  ['2130706433', 'loopback as a number'],
])('the address %j of a resolver is refused: %s', (text) => {
  expect(isAllowedAddress(text, 'public')).toBe(false);
});
