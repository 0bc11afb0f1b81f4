import { expect, test } from 'vitest';
import { createOutboundTo } from '../../../shared/gateway/upstream/outboundTo.ts';
import { succeed } from '../../../shared/platform/base/result.ts';
import type { OutboundClient, OutboundRequest } from '../../../shared/platform/outbound/outboundClient.ts';
import { createSeal } from '../../../shared/platform/security/seal.ts';
import { sealUrl } from '../../../shared/registry/records/serverUrl.ts';
import { testCredentials } from '../../support/credentials.ts';
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
