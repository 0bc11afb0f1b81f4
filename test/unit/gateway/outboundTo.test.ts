import { describe, expect, test } from 'vitest';
import { createOutboundTo } from '../../../shared/gateway/upstream/outboundTo.ts';
import { succeed } from '../../../shared/platform/base/result.ts';
import type { OutboundClient, OutboundRequest } from '../../../shared/platform/outbound/outboundClient.ts';
import { createSeal } from '../../../shared/platform/security/seal.ts';
import { sealUrl } from '../../../shared/registry/records/serverUrl.ts';
import { fakeConnections } from '../../support/connections.ts';
import { testCredentials } from '../../support/credentials.ts';
import { actor } from '../../support/gateway.ts';
import { testSeal } from '../../support/seal.ts';

const whole = 'https://x.example/mcp?code=canary-code';

/** A way out that keeps what was sent and answers with all of it. */
function echoing(): { readonly outbound: OutboundClient; readonly sent: OutboundRequest[] } {
  const sent: OutboundRequest[] = [];
  const outbound: OutboundClient = {
    request(request) {
      sent.push(request);
      const bytes = () => Promise.resolve(Buffer.from(JSON.stringify(request)));
      const body = { bytes, next: bytes, leave: () => undefined };
      return Promise.resolve(
        succeed({ statusCode: 200, headers: { 'x-echo': request.url, link: [request.url] }, body }),
      );
    },
    close: () => Promise.resolve(),
  };
  return { outbound, sent };
}
const get = (url: string): OutboundRequest => ({ method: 'GET', url, headers: {} });

test('the whole URL goes to the server alone, and comes back from it in no header and no body', async () => {
  const { outbound, sent } = echoing();
  const target = { tenantId: 't1', ...sealUrl(whole, 't1', testSeal) };
  const client = createOutboundTo(outbound, testCredentials(), testSeal)(target);
  const answer = await client.request(get(target.url));
  await client.request(get('https://x.example/messages?session=1'));
  expect(sent.map(({ url }) => url)).toEqual([whole, 'https://x.example/messages?session=1']);
  if (!answer.ok) throw new Error(answer.error.message);
  const { headers, body } = answer.value;
  expect(headers).toEqual({
    'x-echo': 'https://x.example/mcp?code=[redacted]',
    link: ['https://x.example/mcp?code=[redacted]'],
  });
  expect((await body.bytes(1_000))?.toString()).not.toContain('canary');
});

test('a server without a credential pays nothing: its way out is the very client', () => {
  const { outbound } = echoing();
  const outboundTo = createOutboundTo(outbound, testCredentials(), testSeal);
  expect(outboundTo({ tenantId: 't1', url: 'https://x.example/mcp' })).toBe(outbound);
});

test('a literal header goes with each request, and is no secret of the answer', async () => {
  const { outbound, sent } = echoing();
  const target = { tenantId: 't1', url: 'https://x.example/mcp' };
  const upstream = { headers: { 'x-region': { value: 'europe-west' } } };
  const client = createOutboundTo(outbound, testCredentials(), testSeal)({ ...target, upstream });
  const answer = await client.request(get(target.url));
  expect(sent[0]?.headers).toEqual({ 'x-region': 'europe-west' });
  if (!answer.ok) throw new Error(answer.error.message);
  expect((await answer.value.body.bytes(1_000))?.toString()).toContain('europe-west');
});

test('without the key that sealed the URL nothing is sent, and the failure says what to do', async () => {
  const { outbound, sent } = echoing();
  const other = createSeal(['another-key-that-is-long-enough-for-it']);
  const target = { tenantId: 't1', ...sealUrl(whole, 't1', other) };
  const answer = await createOutboundTo(
    outbound,
    testCredentials(),
    testSeal,
  )(target).request(get(target.url));
  expect(answer).toMatchObject({
    ok: false,
    error: { kind: 'unavailable', message: expect.stringContaining('MREG_SEALING_KEYS') as string },
  });
  expect(sent).toEqual([]);
});

describe('a request whose credential the server refuses', () => {
  const target = {
    tenantId: 't1',
    slug: 'crm',
    url: 'https://crm.example/mcp',
    upstream: { headers: { authorization: { credential: 'user-account' } } },
  };
  const owner = () => ({ actor: actor('alice'), token: 'own' });

  /** A server that answers by the token, and keeps the tokens that it got. */
  function server(answer: (token: string) => readonly [status: number, challenge?: string]) {
    const tokens: string[] = [];
    let left = 0;
    const outbound: OutboundClient = {
      request({ headers }) {
        const token = headers['authorization'] ?? '';
        tokens.push(token);
        const [statusCode, challenge] = answer(token);
        const bytes = () => Promise.resolve(Buffer.from(`for ${token}`));
        const body = { bytes, next: bytes, leave: () => void (left += 1) };
        return Promise.resolve(succeed({ statusCode, headers: { 'www-authenticate': challenge }, body }));
      },
      close: () => Promise.resolve(),
    };
    return { outbound, tokens, left: () => left };
  }

  function request(outbound: OutboundClient, ...tokens: string[]) {
    const connections = fakeConnections();
    connections.connect('alice', 'crm', ...tokens);
    const credentials = testCredentials({}, [], undefined, undefined, { connections });
    return createOutboundTo(outbound, credentials, testSeal)(target, owner).request(get(target.url));
  }

  test.each([
    [401, 'Bearer'],
    [403, 'Bearer error="insufficient_scope", scope="more"'],
  ])('with %i %s is sent once more with another value', async (status, challenge) => {
    const { outbound, tokens, left } = server((token) =>
      token === 'Bearer old' ? [status, challenge] : [200],
    );
    expect(await request(outbound, 'old', 'new')).toMatchObject({ value: { statusCode: 200 } });
    expect(tokens).toEqual(['Bearer old', 'Bearer new']);
    // The body of the refusal holds its connection until it is left.
    expect(left()).toBe(1);
  });

  test('fails with the address of the sign-in where there is no other value', async () => {
    const { outbound, tokens, left } = server(() => [401]);
    expect(await request(outbound, 'first-token', 'second-token')).toMatchObject({
      error: { kind: 'sign_in_needed', members: { signInUrl: expect.any(String) as string } },
    });
    expect(tokens).toHaveLength(2);
    expect(left()).toBe(2);
  });

  test('is sent twice at most, and the refusal shows neither value', async () => {
    const { outbound, tokens } = server(() => [401]);
    const answer = await request(outbound, 'first-token', 'second-token', 'third-token');
    expect(answer).toMatchObject({ value: { statusCode: 401 } });
    expect(tokens).toEqual(['Bearer first-token', 'Bearer second-token']);
    const text = answer.ok ? (await answer.value.body.bytes(100))?.toString() : undefined;
    expect(text).toBe('for [redacted]');
  });

  test('is not sent again for a right that the user lacks', async () => {
    const { outbound, tokens } = server(() => [403]);
    expect(await request(outbound, 'old', 'new')).toMatchObject({ value: { statusCode: 403 } });
    expect(tokens).toHaveLength(1);
  });
});
