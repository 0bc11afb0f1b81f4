import { describe, expect, test } from 'vitest';
import { checkDocumentUrl, readClientDocument } from '../../../../shared/identity/broker/clientDocument.ts';
import { createClientDocuments } from '../../../../shared/identity/broker/clientDocuments.ts';
import { documentLifetimeMs, isJson } from '../../../../shared/identity/broker/documentHeaders.ts';
import {
  DOCUMENT_FETCHES_A_MINUTE,
  DOCUMENT_FETCHES_OF_AN_ADDRESS,
} from '../../../../shared/identity/limits.ts';
import { outboundStub, type StubAnswer } from '../../../support/outboundStub.ts';

const id = 'https://app.example/oauth/client.json';
const document = {
  client_id: id,
  client_name: 'App',
  redirect_uris: ['https://app.example/cb'],
  token_endpoint_auth_method: 'none',
};
const text = (more: object = {}): string => JSON.stringify({ ...document, ...more });
const read = (json: unknown) => readClientDocument(id, Buffer.from(JSON.stringify(json)));
const messageOf = (result: { ok: boolean; error?: { kind: string; message: string } }): string =>
  result.ok ? 'accepted' : `${result.error?.kind ?? ''}: ${result.error?.message ?? ''}`;

describe('the URL of a document', () => {
  test.each([
    ['http://app.example/client.json', /https/, 'plain http'],
    ['http://127.0.0.1:1/client.json', /https/, 'this machine, in production'],
    ['https://app.example', /path/, 'no path'],
    ['https://app.example/', /path/, 'the root'],
    ['https://app.example/a/../client.json', /normalised/, 'two dots'],
    ['https://app.example/a/%2e%2e/client.json', /normalised/, 'two dots that are encoded'],
    ['https://app.example/./client.json', /normalised/, 'one dot'],
    ['https://app.example:443/client.json', /normalised/, 'the default port'],
    ['https://APP.example/client.json', /normalised/, 'capitals'],
    ['https://app.example/client.json#', /fragment/, 'an empty fragment'],
    ['https://app.example/client.json#a', /fragment/, 'a fragment'],
    ['https://user@app.example/client.json', /user name/, 'a user name'],
    ['https://:pass@app.example/client.json', /user name/, 'a password'],
    ['https://app.example/cli ent.json', /normalised/, 'white space'],
    [`https://app.example/${'x'.repeat(500)}`, /500 characters/, 'a long one'],
    ['https:', /URL/, 'a scheme alone'],
  ])('may not be %s: %s (%s)', (url, message) => {
    expect(messageOf(checkDocumentUrl(url, false))).toMatch(message);
  });

  test('may be on this machine in development only, and nowhere else over plain http', () => {
    expect(checkDocumentUrl('http://127.0.0.1:5000/client.json', true).ok).toBe(true);
    expect(checkDocumentUrl('http://app.example/client.json', true).ok).toBe(false);
    expect(checkDocumentUrl(id, false).ok).toBe(true);
  });
});

describe('a document', () => {
  test('makes a public client', () => {
    expect(read({ ...document, logo_uri: 'http://10.0.0.1/logo', unknown: { deep: [] } })).toEqual({
      ok: true,
      value: { id, kind: 'document', name: 'App', redirectUris: ['https://app.example/cb'] },
    });
  });

  test('makes a client that signs assertions', () => {
    const jwks = { keys: [{ kty: 'EC', crv: 'P-256', x: 'x', y: 'y' }] };
    const method = { token_endpoint_auth_method: 'private_key_jwt' };
    expect(read({ ...document, ...method, jwks })).toMatchObject({ value: { keys: { jwks } } });
    const jwksUri = 'https://app.example/keys';
    expect(read({ ...document, ...method, jwks_uri: jwksUri })).toMatchObject({
      value: { keys: { jwksUri } },
    });
  });

  test('names its client in one line, or by the host of its redirect URI', () => {
    expect(read({ ...document, client_name: 'A\u202e\n\u0000B' })).toMatchObject({ value: { name: 'A B' } });
    expect(read({ ...document, client_name: ' ' })).toMatchObject({ value: { name: 'app.example' } });
  });

  test.each<[object, RegExp]>([
    [{ client_id: `${id}/` }, /another client_id/],
    [{ client_id: undefined }, /client_id/],
    [{ redirect_uris: ['javascript:alert(1)'] }, /redirect_uris\.0/],
    [{ redirect_uris: ['https://app.example/cb', 'http://evil.example/'] }, /redirect_uris\.1/],
    [{ redirect_uris: 'https://app.example/cb' }, /redirect_uris/],
    [{ redirect_uris: Array.from({ length: 21 }, () => 'https://app.example/cb') }, /redirect_uris/],
    [{ token_endpoint_auth_method: 'client_secret_post' }, /secret/],
    [{ token_endpoint_auth_method: 'client_secret_basic' }, /secret/],
    [{ token_endpoint_auth_method: 'tls_client_auth' }, /authentication/],
    [{ client_secret: 'x' }, /client_secret/],
    [{ token_endpoint_auth_method: 'private_key_jwt' }, /jwks/],
    [{ token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'no URL' }, /jwks_uri that is no URL/],
    [
      { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'file:///etc/passwd' },
      /jwks_uri that is no URL/,
    ],
    [
      { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ kty: 'EC', d: 'secret' }] } },
      /private key/,
    ],
    [
      { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ kty: 'oct', k: 'secret' }] } },
      /private key/,
    ],
  ])('with %o is refused: %s', (more, message) => {
    const refused = messageOf(read({ ...document, ...more }));
    expect(refused).toMatch(/^invalid: the document/);
    expect(refused).toMatch(message);
    expect(refused).not.toMatch(/evil|alert|secret"/);
  });

  test.each(['', 'null', '[]', '<html>', '{"client_id":', '\ufffe'])('that is %j is refused', (body) => {
    expect(readClientDocument(id, Buffer.from(body)).ok).toBe(false);
  });
});

test.each<[string | undefined, boolean]>([
  ['application/json', true],
  ['Application/JSON; charset=utf-8', true],
  ['application/oauth-client+json', true],
  ['application/json-seq', false],
  ['text/json', false],
  ['text/html', false],
  ['text/html; application/json', false],
  ['', false],
  [undefined, false],
])('the content type %s is JSON: %s', (type, expected) => {
  expect(isJson(type)).toBe(expected);
});

const day = 86_400_000;
test.each<[Record<string, string>, number, string]>([
  [{}, 600_000, 'nothing said'],
  [{ 'cache-control': 'public, max-age=60' }, 60_000, 'a minute'],
  [{ 'cache-control': 'max-age=60', age: '50' }, 10_000, 'most of it has passed'],
  [{ 'cache-control': 'max-age=60', age: '90' }, 0, 'all of it has passed'],
  [{ 'cache-control': 'max-age=99999999' }, day, 'a day at most'],
  [{ 'cache-control': 'no-store, max-age=60' }, 0, 'never stored'],
  [{ 'cache-control': 'no-cache' }, 0, 'never used without asking'],
  [{ expires: 'Tue, 01 Dec 2026 00:01:00 GMT', date: 'Tue, 01 Dec 2026 00:00:00 GMT' }, 60_000, 'expires'],
  [{ expires: '0', date: 'Tue, 01 Dec 2026 00:00:00 GMT' }, 0, 'expired'],
  [{ expires: 'Tue, 01 Dec 2026 00:01:00 GMT' }, 0, 'without the date of the answer'],
])('a document with the headers %o is cached for %i ms: %s', (headers, expected) => {
  expect(documentLifetimeMs({ headers })).toBe(expected);
});

describe('finding clients by their documents', () => {
  function opened(answer: (url: string) => StubAnswer, allowsLoopback = false) {
    let now = Date.UTC(2026, 0, 1);
    const outbound = outboundStub(answer);
    const clients = createClientDocuments({ outbound, clock: { now: () => new Date(now) }, allowsLoopback });
    return { clients, outbound, advance: (ms: number) => void (now += ms) };
  }

  test('fetches a document once, also for many at once, until it is stale', async () => {
    const { clients, outbound, advance } = opened(() => ({
      body: text(),
      headers: { 'cache-control': 'max-age=60' },
    }));
    const all = await Promise.all(Array.from({ length: 8 }, () => clients.find(id)));
    expect(all.every(({ ok }) => ok)).toBe(true);
    advance(59_999);
    await clients.find(id);
    expect(outbound.requests).toHaveLength(1);
    advance(1);
    await clients.find(id);
    expect(outbound.requests).toHaveLength(2);
    expect(outbound.requests[0]).toMatchObject({
      method: 'GET',
      url: id,
      headers: { accept: 'application/json' },
    });
    expect(outbound.requests[0]?.followsRedirects).toBeUndefined();
  });

  test.each<[StubAnswer, string]>([
    ['away', 'unavailable'],
    [{ status: 503 }, 'unavailable'],
    [{ status: 429 }, 'unavailable'],
    [{ status: 404, body: text() }, 'invalid'],
    [{ status: 204 }, 'invalid'],
    [{ status: 206, body: text() }, 'invalid'],
    [{ status: 302, headers: { location: id } }, 'invalid'],
    [{ status: 308, headers: { location: id } }, 'invalid'],
    [{ body: text(), headers: { 'content-type': 'text/html' } }, 'invalid'],
    [{ body: text({ padding: 'x'.repeat(5 * 1024) }) }, 'invalid'],
    [{ body: text({ client_id: 'https://other.example/c' }) }, 'invalid'],
  ])('refuses %o as %s, caches no refusal, and quotes nothing', async (answer, kind) => {
    let current = answer;
    const { clients } = opened(() => current);
    expect(await clients.find(id)).toMatchObject({ ok: false, error: { kind } });
    expect(messageOf(await clients.find(id))).not.toMatch(/other\.example|xxx/);
    current = { body: text() };
    expect((await clients.find(id)).ok).toBe(true);
  });

  test('uses the last document of a day while its server gives no answer', async () => {
    let current: StubAnswer = { body: text(), headers: { 'cache-control': 'max-age=60' } };
    const { clients, advance } = opened(() => current);
    await clients.find(id);
    current = 'away';
    advance(day - 1);
    expect((await clients.find(id)).ok).toBe(true);
    advance(1);
    expect(await clients.find(id)).toMatchObject({ ok: false, error: { kind: 'unavailable' } });
  });

  test('forgets a document as soon as its server says otherwise', async () => {
    let current: StubAnswer = { body: text(), headers: { 'cache-control': 'max-age=60' } };
    const { clients, advance } = opened(() => current);
    await clients.find(id);
    current = { status: 404 };
    advance(60_000);
    expect((await clients.find(id)).ok).toBe(false);
    current = 'away';
    expect((await clients.find(id)).ok).toBe(false);
  });

  test('reads new redirect URIs of a document, and no longer the old ones', async () => {
    let uri = 'https://app.example/old';
    const { clients, advance } = opened(() => ({ body: text({ redirect_uris: [uri] }) }));
    await clients.find(id);
    uri = 'https://app.example/new';
    advance(600_000);
    expect(await clients.find(id)).toMatchObject({ value: { redirectUris: [uri] } });
  });

  test('sends few requests to a host for unknown clients, and never refuses a known one', async () => {
    const { clients, outbound, advance } = opened((url) => ({
      body: text({ client_id: url }),
      headers: { 'cache-control': 'no-store' },
    }));
    expect((await clients.find(id)).ok).toBe(true);
    for (let index = 1; index < DOCUMENT_FETCHES_A_MINUTE; index++)
      expect((await clients.find(`${id}?${index}`, `192.0.2.${index}`)).ok).toBe(true);
    expect(await clients.find(`${id}?more`)).toMatchObject({ error: { kind: 'unavailable' } });
    expect(outbound.requests).toHaveLength(DOCUMENT_FETCHES_A_MINUTE);
    expect((await clients.find(id)).ok).toBe(true);
    expect((await clients.find('https://another.example/client.json')).ok).toBe(true);
    advance(60_000);
    expect((await clients.find(`${id}?more`)).ok).toBe(true);
  });

  test('lets no address use up the requests to a host', async () => {
    const { clients, outbound } = opened((url) => ({ body: text({ client_id: url }) }));
    for (let index = 0; index < DOCUMENT_FETCHES_A_MINUTE; index++)
      await clients.find(`${id}?${index}`, `192.0.2.1:${1_000 + index}`);
    expect(outbound.requests).toHaveLength(DOCUMENT_FETCHES_OF_AN_ADDRESS);
    expect((await clients.find(id, '192.0.2.2')).ok).toBe(true);
  });

  test('sends no request for a URL that is not allowed', async () => {
    const { clients, outbound } = opened(() => ({ body: text() }));
    await clients.find('http://169.254.169.254/metadata');
    await clients.find('https://app.example/#');
    expect(outbound.requests).toHaveLength(0);
  });
});
