import { beforeEach, describe, expect, test } from 'vitest';
import { createRateLimits } from '../../../functions/http/rateLimits.ts';
import { refusalRecorder } from '../../../functions/http/refusals.ts';
import type { Route } from '../../../functions/http/route.ts';
import { serve } from '../../../functions/http/serve.ts';
import type { AuditEvent } from '../../../shared/audit/model/record.ts';
import { createCachedVerifier } from '../../../shared/identity/tokens/cachedVerifier.ts';
import { succeed } from '../../../shared/platform/base/result.ts';
import { markOwnChecks } from '../../../shared/platform/outbound/ownCheck.ts';
import { testConfig } from '../../support/config.ts';
import { callerTenant, type FakeHttpDeps, fakeHttpDeps } from '../../support/httpDeps.ts';
import { testSeal } from '../../support/seal.ts';
import { ok, problemOf } from '../../support/testRoute.ts';

const ORIGIN = 'https://gateway.example';
const limits = { address: { perSecond: 1, burst: 5 }, principal: { perSecond: 1, burst: 8 } };

let now: number;
let audited: AuditEvent[];
let checked: number;
let deps: FakeHttpDeps;
const clock = { now: () => new Date(now) };

beforeEach(() => {
  now = Date.UTC(2026, 0, 1);
  audited = [];
  checked = 0;
  const base = fakeHttpDeps();
  deps = fakeHttpDeps({
    clock,
    limits: createRateLimits({ rateLimits: limits }, clock),
    verifyToken: createCachedVerifier(async (authorization, resource) => {
      if (authorization !== null) checked += 1;
      const verdict = await base.verifyToken(authorization, resource);
      return 'actor' in verdict ? { actor: { ...verdict.actor, expiresAt: now + 3_600_000 } } : verdict;
    }, clock),
    recordRefusal: refusalRecorder({
      audit: { append: (event) => void audited.push(event) },
      clock,
      config: testConfig({}),
      operatorTenant: '33333333-3333-4333-8333-333333333333',
      watch: () => undefined,
    }),
  });
});

const things: Route = {
  name: 'things',
  method: 'GET',
  path: 'things',
  permission: 'servers.write',
  handle: ok,
};

const sendWith = (
  headers: Headers,
  address: string | undefined,
  more: Partial<Route> = {},
): Promise<Response> =>
  serve(
    { ...things, ...more },
    deps,
  )({ method: 'GET', url: `${ORIGIN}/things`, headers, body: null, address });

const send = (
  authorization: string | undefined,
  address: string | undefined,
  more?: Partial<Route>,
): Promise<Response> =>
  sendWith(new Headers(authorization === undefined ? {} : { authorization }), address, more);
const statusesOf = async (count: number, ...how: Parameters<typeof send>) => {
  const statuses: number[] = [];
  for (let index = 0; index < count; index += 1) statuses.push((await send(...how)).status);
  return statuses;
};
const times = (count: number, status: number) => Array.from({ length: count }, () => status);

describe('the limit of an address', () => {
  test('stops bad tokens before their signature is checked', async () => {
    expect(await statusesOf(10, 'Bearer forged', '203.0.113.7')).toEqual([
      ...times(5, 401),
      ...times(5, 429),
    ]);
    expect(checked).toBe(5);
  });

  test('answers 429 with the time to wait and no challenge', async () => {
    await statusesOf(5, 'Bearer forged', '203.0.113.7');
    const answer = await send('Bearer forged', '203.0.113.7');
    expect([answer.headers.get('retry-after'), answer.headers.get('www-authenticate')]).toEqual(['1', null]);
    expect(await problemOf(answer)).toMatchObject({ status: 429, kind: 'exhausted' });
    now += 1_000;
    expect((await send('Bearer forged', '203.0.113.7')).status).toBe(401);
  });

  test.each([
    ['another address', '203.0.113.8', 401],
    ['the same address with a port', '203.0.113.7:4711', 429],
    ['the same address as IPv6 has it', '::ffff:203.0.113.7', 429],
  ])('is apart for %s: %s', async (_, address, status) => {
    await statusesOf(6, 'Bearer forged', '203.0.113.7');
    expect((await send('Bearer forged', address)).status).toBe(status);
  });

  test.each([
    ['another address of the same network', '2001:db8:1:2:ffff::9', 429],
    ['the same network with a port', '[2001:db8:1:2::1]:443', 429],
    ['another network', '2001:db8:1:3::1', 401],
  ])('is one for a /64 of IPv6, and counts %s', async (_, address, status) => {
    await statusesOf(6, 'Bearer forged', '2001:db8:1:2::1');
    expect((await send('Bearer forged', address)).status).toBe(status);
  });

  test('is one for all whose address is not known', async () => {
    await statusesOf(3, 'Bearer forged', undefined);
    expect(await statusesOf(3, 'Bearer forged', 'no address')).toEqual([401, 401, 429]);
  });

  test('costs a token that was checked before nothing, beside a flood from the same address', async () => {
    expect((await send('Bearer Admin', '203.0.113.7')).status).toBe(200);
    await statusesOf(20, 'Bearer forged', '203.0.113.7');
    expect(await statusesOf(5, 'Bearer Admin', '203.0.113.7')).toEqual(times(5, 200));
  });

  test('costs a request without a token nothing', async () => {
    expect(await statusesOf(20, undefined, '203.0.113.7')).toEqual(times(20, 401));
  });

  test('is logged and recorded once a minute, with the address in the log alone', async () => {
    await statusesOf(50, 'Bearer forged', '203.0.113.7');
    const limited = deps.lines.filter(({ event }) => event === 'request_limited');
    expect(limited.map(({ fields }) => fields['address'])).toEqual(['203.0.113.7']);
    const records = audited.filter(({ resource }) => resource === 'too_many');
    expect(records).toMatchObject([
      { action: 'sign_in', actor: 'unknown', decision: 'refused', outcome: 'exhausted' },
    ]);
    now += 60_000;
    await statusesOf(50, 'Bearer forged', '203.0.113.7');
    expect(audited.filter(({ resource }) => resource === 'too_many')).toHaveLength(2);
  });

  test('is not for the own checks of the gateway', async () => {
    const sent: Readonly<Record<string, string>>[] = [];
    const client = markOwnChecks(
      {
        request: ({ headers }) => {
          sent.push(headers);
          return Promise.resolve(succeed({ statusCode: 401, headers: {}, body: undefined as never }));
        },
        close: () => Promise.resolve(),
      },
      [ORIGIN],
      { seal: testSeal, clock },
    );
    await client.request({
      method: 'GET',
      url: `${ORIGIN}/things`,
      headers: { authorization: 'Bearer forged' },
    });
    await statusesOf(6, 'Bearer forged', '203.0.113.7');
    expect((await sendWith(new Headers(sent[0]), '203.0.113.7')).status).toBe(401);
  });

  test('is for the anonymous routes that say so, and for no other', async () => {
    const open: Partial<Route> = { permission: 'anonymous' };
    expect(await statusesOf(20, undefined, '203.0.113.7', open)).toEqual(times(20, 200));
    const limited: Partial<Route> = { ...open, isLimited: true };
    expect(await statusesOf(7, undefined, '203.0.113.7', limited)).toEqual([...times(5, 200), 429, 429]);
  });
});

describe('the limit of a user or an app', () => {
  test('stops admitted requests, whatever their address', async () => {
    const statuses: number[] = [];
    for (let index = 0; index < 10; index += 1)
      statuses.push((await send('Bearer Admin', `203.0.113.${index}`)).status);
    expect(statuses).toEqual([...times(8, 200), 429, 429]);
  });

  test('is recorded in the tenant, with the user', async () => {
    await statusesOf(12, 'Bearer Admin', '203.0.113.7');
    expect(audited).toMatchObject([
      {
        tenantId: callerTenant,
        actor: 'user',
        action: 'sign_in',
        resource: 'too_many',
        outcome: 'exhausted',
      },
    ]);
    expect(JSON.stringify(deps.lines)).not.toContain('203.0.113.7');
  });

  test('does not count what the roles do not permit', async () => {
    expect(await statusesOf(20, 'Bearer User', '203.0.113.7')).toEqual(times(20, 403));
  });
});
