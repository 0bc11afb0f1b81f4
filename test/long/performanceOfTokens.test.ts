import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../shared/platform/base/clock.ts';
import { openOutboundClient } from '../../shared/platform/outbound/outboundClient.ts';
import { oauthTokenPerformance } from '../../shared/specialists/mcp-performance-optimizer/tokenTasks.ts';
import { testConfig } from '../support/config.ts';
import { freePort } from '../support/freePort.ts';
import { type KeyServer, newKey, sign, type SigningKey, startKeyServer } from '../support/jwks.ts';
import { type SlowProxy, startSlowProxy } from '../support/slowProxy.ts';
import { runTask, taskTenant } from '../support/taskRun.ts';

const audience = '33333333-3333-4333-8333-333333333333';
const outbound = openOutboundClient('private_allowed');
let keyServer: KeyServer;
let proxy: SlowProxy;
let key: SigningKey;
beforeAll(async () => {
  keyServer = await startKeyServer();
  proxy = await startSlowProxy(keyServer.origin);
  key = await newKey('one');
});
afterAll(() => Promise.all([proxy.close(), keyServer.stop(), outbound.close()]));
const issuer = () => `${proxy.origin}/${taskTenant}/v2.0`;
beforeEach(() => {
  proxy.delay = () => 0;
  keyServer.asked.length = 0;
  keyServer.answer = () => ({ keys: [{ ...key.jwk, issuer: issuer() }] });
});

const config = testConfig({ MREG_API_CLIENT_ID: audience });
const run = (token?: string, authority = proxy.origin) =>
  runTask(
    [oauthTokenPerformance({ config, authority, outbound, clock: systemClock })],
    'oauth_token_performance',
    { times: 20 },
    { token: () => Promise.resolve(token) },
  );
const goodToken = (claims: object = {}) => {
  const now = Math.floor(Date.now() / 1_000);
  return sign(
    {
      aud: audience,
      iss: issuer(),
      tid: taskTenant,
      oid: taskTenant,
      ver: '2.0',
      iat: now,
      nbf: now,
      exp: now + 600,
      scp: 'mcp.access',
      roles: ['Gateway.Admin'],
      ...claims,
    },
    key,
  );
};
const found = (...findings: object[]) => ({ success: true, result: { findings } });

test('a good token is measured new and remembered, with keys that are fetched once', async () => {
  const token = await goodToken();
  const outcome = await run(token);
  expect(outcome).toMatchObject({
    result: {
      findings: [],
      facts: { token: 'session', keys: 1, keyFetchesOfAll: 1, remembered: { count: 19 } },
    },
  });
  for (const part of token.split('.')) expect(JSON.stringify(outcome)).not.toContain(part);
  // Three to measure the fetch itself, and the one of the verifier.
  expect(keyServer.asked).toHaveLength(4);
});

test('without a token a forged one is measured, which is refused', async () => {
  expect(await run()).toMatchObject({
    result: {
      findings: [{ rule: 'session_without_token', severity: 'info' }],
      facts: { token: 'forged', keyFetchesOfAll: 1, withKeys: { count: 19 } },
    },
  });
});

test('a token that is refused now is named with the reason', async () => {
  expect(await run(await goodToken({ exp: 1_000 }))).toMatchObject(
    found({ rule: 'session_token_refused', evidence: { refusal: 'expired' } }),
  );
});

describe('an authority', () => {
  test('that is slow is named with its time', async () => {
    proxy.delay = () => 2_100;
    expect(await run(await goodToken())).toMatchObject(found({ rule: 'key_fetch_slow' }));
  });

  test('that hangs is found before the deadline', async () => {
    proxy.delay = () => 'never';
    expect(await run()).toMatchObject(found({ rule: 'keys_hang', severity: 'critical' }, {}));
  });

  test.each([
    [{ status: 503, body: 'stack of secrets' }, 'status 503 without keys'],
    [{ status: 200, body: 'no json' }, 'status 200 without keys'],
    [{ keys: [] }, 'status 200 without keys'],
  ])('%#: that answers %j is found to give none', async (answer, reason) => {
    keyServer.answer = () => answer;
    const outcome = await run();
    expect(outcome).toMatchObject(found({ rule: 'keys_unavailable', evidence: { reason } }, {}));
    expect(JSON.stringify(outcome)).not.toContain('secrets');
  });

  test('that nobody listens for is unavailable', async () => {
    const away = `http://127.0.0.1:${await freePort()}`;
    expect(await run(undefined, away)).toMatchObject(
      found({ rule: 'keys_unavailable', evidence: { reason: 'connection refused' } }, {}),
    );
  });

  test('is not asked again because of a token that none of its keys has signed', async () => {
    const other = await newKey('two');
    keyServer.answer = () => ({ keys: [{ ...other.jwk, issuer: issuer() }] });
    expect(await run(await goodToken())).toMatchObject({
      result: {
        findings: [{ rule: 'session_token_refused', evidence: { refusal: 'bad_signature' } }],
        facts: { keyFetchesOfAll: 1 },
      },
    });
  });
});
