import { beforeEach, describe, expect, test } from 'vitest';
import { refusalRecorder } from '../../../functions/http/refusals.ts';
import { serve } from '../../../functions/http/serve.ts';
import type { AuditEvent } from '../../../shared/audit/model/record.ts';
import type { Incident } from '../../../shared/orchestration/events/eventWatch.ts';
import { succeed } from '../../../shared/platform/base/result.ts';
import type { OutboundClient, OutboundRequest } from '../../../shared/platform/outbound/outboundClient.ts';
import { markOwnChecks, OWN_CHECK_HEADER } from '../../../shared/platform/outbound/ownCheck.ts';
import { createSeal } from '../../../shared/platform/security/seal.ts';
import { testConfig } from '../../support/config.ts';
import { type FakeHttpDeps, fakeHttpDeps } from '../../support/httpDeps.ts';
import { testSeal } from '../../support/seal.ts';
import { ok, routeThat } from '../../support/testRoute.ts';

const ORIGIN = 'https://gateway.example';
const FORGED = 'Bearer forged';

let now: number;
let sent: OutboundRequest[];
let recorded: AuditEvent[];
let incidents: Incident[];
let deps: FakeHttpDeps;
const clock = { now: () => new Date(now) };
const outbound: OutboundClient = {
  request: (request) => {
    sent.push(request);
    return Promise.resolve(succeed({ statusCode: 401, headers: {}, body: undefined as never }));
  },
  close: () => Promise.resolve(),
};
beforeEach(() => {
  now = Date.UTC(2026, 0, 1);
  [sent, recorded, incidents] = [[], [], []];
  const operatorTenant = '33333333-3333-4333-8333-333333333333';
  deps = fakeHttpDeps({
    clock,
    recordRefusal: refusalRecorder({
      audit: { append: (event) => void recorded.push(event) },
      clock,
      config: testConfig({}),
      operatorTenant,
      watch: (incident) => void incidents.push(incident),
    }),
  });
});

/** Returns the headers of a check of the gateway by itself. */
async function checkHeaders(
  path = '/things/one',
  authorization = FORGED,
  seal = testSeal,
): Promise<Readonly<Record<string, string>>> {
  const client = markOwnChecks(outbound, [ORIGIN], { seal, clock });
  await client.request({ method: 'GET', url: ORIGIN + path, headers: { authorization } });
  return sent.at(-1)?.headers ?? {};
}

/** Sends a request, and returns how the gateway took its refusal. */
async function refusalOf(headers: Readonly<Record<string, string>>, path = '/things/one', method = 'GET') {
  const { route } = routeThat(ok, { method: 'GET', path: 'things/{id}' });
  const response = await serve(route, deps)(new Request(ORIGIN + path, { method, headers }));
  return {
    status: response.status,
    ownCheck: recorded.at(-1)?.ownCheck,
    level: deps.lines.find(({ event }) => event === 'sign_in_refused')?.level,
    incidents: incidents.length,
  };
}

const asAttack = { status: 401, ownCheck: undefined, level: 'warn', incidents: 1 };

describe('a refusal', () => {
  test('of a check of the gateway by itself is marked, and is neither a warning nor an incident', async () => {
    expect(await refusalOf(await checkHeaders())).toEqual({
      status: 401,
      ownCheck: true,
      level: 'info',
      incidents: 0,
    });
  });

  test('of an unmarked token is a warning and an incident', async () => {
    expect(await refusalOf({ authorization: FORGED })).toEqual(asAttack);
  });

  test('of a client without a token is no warning: its answer says where to sign in', async () => {
    expect(await refusalOf({})).toEqual({ status: 401, ownCheck: undefined, level: 'info', incidents: 0 });
  });

  test('of a missing role is marked too', async () => {
    const headers = await checkHeaders('/things/one', 'Bearer User');
    expect(await refusalOf(headers)).toMatchObject({ status: 403, ownCheck: true });
  });

  const withMark = (mark: string) => ({ authorization: FORGED, [OWN_CHECK_HEADER]: mark });
  test.each<[why: string, headers: () => Promise<Readonly<Record<string, string>>>, path?: string]>([
    ['a made-up mark', () => Promise.resolve(withMark('true'))],
    ['an empty mark', () => Promise.resolve(withMark(''))],
    ['a mark of another key', () => checkHeaders(undefined, FORGED, createSeal(['y'.repeat(40)]))],
    [
      'a mark of another token',
      async () => ({ ...(await checkHeaders(undefined, 'Bearer other')), authorization: FORGED }),
    ],
    [
      'a mark of a request without a token',
      async () => withMark((await checkHeaders(undefined, ''))[OWN_CHECK_HEADER] ?? ''),
    ],
    ['a mark of another path', () => checkHeaders('/things/two')],
    ['a mark of another query', () => checkHeaders('/things/one?limit=1')],
    [
      'a value that was sealed for another purpose',
      () =>
        Promise.resolve(
          withMark(testSeal.close('token', ['GET', '/things/one', FORGED], { until: now * 2 })),
        ),
    ],
    [
      'an old mark',
      async () => {
        const headers = await checkHeaders();
        now += 120_000;
        return headers;
      },
    ],
  ])('with %s is a warning and an incident', async (_, headers) => {
    expect(await refusalOf(await headers())).toEqual(asAttack);
  });

  test('of many forgeries under one mark hides none but the forgery of the gateway', async () => {
    const headers = await checkHeaders();
    for (const guess of ['a', 'b', 'c']) await refusalOf({ ...headers, authorization: `Bearer ${guess}` });
    expect(incidents).toHaveLength(3);
  });
});

test('own checks do not use up the records of refusals', async () => {
  const headers = await checkHeaders();
  for (let n = 0; n < 30; n++) await refusalOf(headers);
  await refusalOf({ authorization: FORGED });
  expect(recorded.filter(({ ownCheck }) => ownCheck !== true)).toHaveLength(1);
});

test('only requests to the apps are marked', async () => {
  const client = markOwnChecks(outbound, [ORIGIN], { seal: testSeal, clock });
  for (const url of ['https://login.example/keys', 'https://gateway.example.evil/x', 'not a URL'])
    await client.request({ method: 'GET', url, headers: {} });
  expect(sent.map(({ headers }) => OWN_CHECK_HEADER in headers)).toEqual([false, false, false]);
});
