import { beforeAll, describe, expect, test } from 'vitest';
import {
  createClientAuthentication,
  type Fields,
  secretHashOf,
} from '../../../../shared/identity/broker/authenticateClient.ts';
import type { OAuthClient } from '../../../../shared/identity/broker/client.ts';
import {
  CLIENT_ASSERTION_TYPE,
  createClientAssertionCheck,
} from '../../../../shared/identity/broker/clientAssertion.ts';
import { createAssertionVerifier } from '../../../../shared/identity/broker/signedAssertion.ts';
import { fail, succeed } from '../../../../shared/platform/base/result.ts';
import { type AssertionIssuer, assertionIssuer, unsigned } from '../../../support/assertions.ts';
import { memoryState } from '../../../support/memoryState.ts';
import { outboundStub } from '../../../support/outboundStub.ts';

const issuer = 'https://mcp.contoso.com';
const secret = 'a+secret:with%signs of its own';
const basic = (id: string, password: string): string =>
  `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}`;
const encoded = (text: string): string => encodeURIComponent(text).replaceAll('%20', '+');

let keys: AssertionIssuer;
beforeAll(async () => {
  keys = await assertionIssuer();
});

function opened() {
  const now = new Date('2026-11-30T12:00:00Z');
  const client = (id: string, more: Partial<OAuthClient> = {}): OAuthClient => ({
    id,
    kind: 'preset',
    name: id,
    redirectUris: [],
    ...more,
  });
  const all = [
    client('public'),
    client('secret', { secretHash: secretHashOf(secret) }),
    client('odd:id', { secretHash: secretHashOf(secret) }),
    client('signing', { keys: { jwks: { keys: [...keys.jwks.keys] } } }),
    client('remote', { keys: { jwksUri: 'https://app.example/keys' } }),
    client('silent', { keys: { jwksUri: 'https://silent.example/keys' } }),
  ];
  const outbound = outboundStub((url) =>
    url.includes('silent') ? 'away' : { body: JSON.stringify(keys.jwks) },
  );
  const verify = createAssertionVerifier({ outbound, state: memoryState(), clock: { now: () => now } });
  const authenticate = createClientAuthentication({
    clients: {
      find: (id) => {
        if (id === 'away') return Promise.resolve(fail({ kind: 'unavailable', message: 'away' }));
        const found = all.find((one) => one.id === id);
        return Promise.resolve(found ? succeed(found) : fail({ kind: 'invalid', message: 'unknown' }));
      },
    },
    isAssertionOf: createClientAssertionCheck(issuer, verify),
  });
  const ask = async (form: Fields, authorization?: string) => {
    const result = await authenticate(
      form,
      new Headers(authorization === undefined ? {} : { authorization }),
    );
    return result.ok ? result.value.id : (result.error.members?.['error'] ?? result.error.kind);
  };
  return { ask, seconds: now.getTime() / 1_000 };
}

describe('a client proves who it is', () => {
  test.each<[string, Fields, string | undefined, string]>([
    ['public', { client_id: 'public' }, undefined, 'with its id alone'],
    ['public', {}, basic('public', ''), 'with an empty password'],
    ['secret', { client_id: 'secret', client_secret: secret }, undefined, 'with its secret in the form'],
    ['secret', {}, basic('secret', encoded(secret)), 'with its secret in the header'],
    ['secret', { client_id: 'secret' }, basic('secret', encoded(secret)), 'with both ids'],
    [
      'secret',
      {},
      basic('secret', encoded(secret)).replace('Basic', 'basic'),
      'with a scheme in small letters',
    ],
    ['odd:id', {}, basic(encoded('odd:id'), encoded(secret)), 'with a colon in its id'],
  ])('%s', async (id, form, authorization) => {
    expect(await opened().ask(form, authorization)).toBe(id);
  });

  test.each<[string, Fields, string | undefined, string]>([
    ['invalid_request', {}, undefined, 'no id'],
    ['invalid_client', { client_id: 'nobody' }, undefined, 'an unknown client'],
    ['invalid_client', { client_id: 'secret' }, undefined, 'no secret'],
    ['invalid_client', { client_id: 'secret', client_secret: 'wrong' }, undefined, 'another secret'],
    ['invalid_client', { client_id: 'secret', client_secret: secretHashOf(secret) }, undefined, 'its hash'],
    ['invalid_client', {}, basic('secret', 'wrong'), 'another secret in the header'],
    ['invalid_client', {}, basic('secret', ''), 'an empty password'],
    [
      'invalid_client',
      { client_id: 'public', client_secret: 'x' },
      undefined,
      'a secret that it does not have',
    ],
    ['invalid_client', { client_id: 'signing' }, undefined, 'no assertion'],
    ['invalid_client', { client_id: 'signing', client_secret: 'x' }, undefined, 'a secret instead'],
    ['invalid_client', {}, 'Basic', 'no value'],
    ['invalid_client', {}, 'Basic !!!', 'no base64'],
    ['invalid_client', {}, `Basic ${Buffer.from('alone').toString('base64')}`, 'no colon'],
    ['invalid_client', {}, 'Bearer x', 'another scheme'],
    ['invalid_request', { client_secret: secret }, basic('secret', encoded(secret)), 'two ways at once'],
    ['invalid_request', { client_id: 'public' }, basic('secret', encoded(secret)), 'two ids'],
    [
      'invalid_request',
      { client_id: 'signing', client_assertion: 'x', client_assertion_type: 'saml' },
      undefined,
      'an assertion of another type',
    ],
    ['unavailable', { client_id: 'away' }, undefined, 'a client whose document cannot be fetched now'],
  ])('%s: %o %s: %s', async (error, form, authorization) => {
    expect(await opened().ask(form, authorization)).toBe(error);
  });

  const form = (client: string, assertion: string): Fields => ({
    client_id: client,
    client_assertion: assertion,
    client_assertion_type: CLIENT_ASSERTION_TYPE,
  });

  test('only while its keys can be fetched; else nothing is thrown, because strangers name their keys', async () => {
    const { ask, seconds } = opened();
    const claims = { iss: 'silent', sub: 'silent', aud: issuer, exp: seconds + 60, jti: '1' };
    expect(await ask(form('silent', await keys.sign(claims)))).toBe('unavailable');
  });

  test.each(['signing', 'remote'])('with an assertion, once: %s', async (client) => {
    const { ask, seconds } = opened();
    const claims = { iss: client, sub: client, aud: issuer, exp: seconds + 60, jti: '1' };
    const assertion = await keys.sign(claims);
    expect(await ask(form(client, assertion))).toBe(client);
    expect(await ask(form(client, assertion))).toBe('invalid_client');
    expect(
      await ask(form(client, await keys.sign({ ...claims, jti: '2', aud: `${issuer}/oauth/token` }))),
    ).toBe(client);
  });

  test.each<[string, Record<string, unknown>]>([
    ['another audience', { aud: 'https://evil.example' }],
    ['several audiences', { aud: [issuer, 'https://evil.example'] }],
    ['no audience', { aud: undefined }],
    ['another issuer', { iss: 'public' }],
    ['another subject', { sub: 'public' }],
    ['no end', { exp: undefined }],
    ['a past end', { exp: Date.parse('2026-11-30T11:58:00Z') / 1_000 }],
    ['an end in a day', { exp: Date.parse('2026-12-01T12:00:00Z') / 1_000 }],
    ['no id', { jti: undefined }],
    ['an empty id', { jti: '' }],
    ['a beginning in the future', { nbf: Date.parse('2026-11-30T12:05:00Z') / 1_000 }],
  ])('not with an assertion that has %s', async (_, more) => {
    const { ask, seconds } = opened();
    const claims = { iss: 'signing', sub: 'signing', aud: issuer, exp: seconds + 60, jti: '1', ...more };
    expect(await ask(form('signing', await keys.sign(claims)))).toBe('invalid_client');
  });

  test('not with an assertion of another key, of no key, or with a shared secret', async () => {
    const { ask, seconds } = opened();
    const claims = { iss: 'signing', sub: 'signing', aud: issuer, exp: seconds + 60, jti: '1' };
    const other = await assertionIssuer();
    const forged = [
      await other.sign(claims),
      unsigned({ alg: 'none', kid: 'one' }, claims),
      unsigned({ alg: 'HS256', kid: 'one' }, claims, 'AAAA'),
      'no.jwt.here',
      'x',
    ];
    for (const assertion of forged) expect(await ask(form('signing', assertion))).toBe('invalid_client');
    expect(await ask(form('signing', await keys.sign(claims)))).toBe('signing');
  });
});
