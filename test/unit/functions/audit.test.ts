import { beforeEach, describe, expect, test } from 'vitest';
import { refusalRecorder } from '../../../functions/http/refusals.ts';
import type { Route } from '../../../functions/http/route.ts';
import { type HttpDeps, serve } from '../../../functions/http/serve.ts';
import { auditRoutes } from '../../../functions/management/audit.ts';
import { privileged } from '../../../functions/management/privileged.ts';
import { type Audit, openAudit } from '../../../shared/audit/journal/audit.ts';
import { recordKey, recordOf, type TrailStore } from '../../../shared/audit/model/trailStore.ts';
import { systemClock } from '../../../shared/platform/base/clock.ts';
import { InfrastructureError } from '../../../shared/platform/base/errors.ts';
import { randomId } from '../../../shared/platform/base/ids.ts';
import { fail, succeed } from '../../../shared/platform/base/result.ts';
import { testConfig } from '../../support/config.ts';
import { caller } from '../../support/engine.ts';
import { callerTenant, fakeHttpDeps } from '../../support/httpDeps.ts';
import { memoryTrail, type OpenTrail } from '../../support/memoryTrail.ts';
import { toolCallRecord } from '../../support/toolCallRecord.ts';

const operatorTenant = '33333333-3333-4333-8333-333333333333';
const config = testConfig({ MREG_TENANTS: `${operatorTenant},${callerTenant}` });

let trail: OpenTrail;
let audit: Audit;
let away: boolean;
let http: HttpDeps;
beforeEach(() => {
  away = false;
  trail = memoryTrail(() => {
    if (away) throw new InfrastructureError('tables', 'test', undefined);
  });
  const base = fakeHttpDeps();
  audit = openAudit({ store: trail.store, clock: systemClock, newId: randomId, log: base.log });
  http = {
    ...base,
    recordRefusal: refusalRecorder({
      audit,
      clock: systemClock,
      config,
      operatorTenant,
      watch: () => undefined,
    }),
  };
});

const request = (path: string, method = 'GET', role = 'Auditor', body?: unknown) =>
  new Request(`https://gateway.example/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${role}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
const routeNamed = (name: string): Route<unknown> => {
  const route = auditRoutes({ trail: trail.store, tenants: config.tenants }).find((one) => one.name === name);
  if (!route) throw new Error(`no route ${name}`);
  return route;
};
const list = async (query = '', role?: string) => {
  await audit.flush();
  const response = await serve(routeNamed('audit-list'), http)(request(`audit${query}`, 'GET', role));
  return {
    status: response.status,
    body: (await response.json()) as { items: Record<string, unknown>[]; nextCursor?: string },
  };
};
const verify = async (body?: unknown) => {
  await audit.flush();
  const answer = await serve(
    routeNamed('audit-verify'),
    http,
  )(request('audit/verifications', 'POST', 'Auditor', body));
  return { status: answer.status, body: await answer.json() };
};
const act = (resource: string, more: object = {}) => {
  audit.append(toolCallRecord(resource, more));
};

describe('GET /audit', () => {
  test("gives the records of the caller's tenant, newest first, in the agreed shape", async () => {
    act('a');
    act('b', { action: 'servers.delete', begunBy: 'x-0' });
    act('c', { tenantId: operatorTenant });
    const { status, body } = await list();
    expect(status).toBe(200);
    expect(body.items.map(({ resource }) => resource)).toEqual(['b', 'a']);
    expect(body.items[1]).toEqual({
      id: expect.any(String) as string,
      at: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      tenantId: callerTenant,
      actor: 'alice',
      action: 'tools/call',
      resource: 'a',
      decision: 'allowed',
      outcome: 'succeeded',
      durationMs: 4,
      traceId: 'f'.repeat(32),
    });
    expect((await list('?action=servers.delete')).body.items).toMatchObject([{ begunBy: 'x-0' }]);
    expect((await list('?to=2020-01-01T00:00:00%2B01:00')).body.items).toEqual([]);
  });

  test('pages by cursor through all of them, once each', async () => {
    for (let index = 0; index < 5; index++) act(`r${index}`);
    const first = (await list('?limit=3')).body;
    const second = (await list(`?limit=3&cursor=${first.nextCursor ?? ''}`)).body;
    expect([...first.items, ...second.items].map(({ resource }) => resource)).toEqual([
      'r4',
      'r3',
      'r2',
      'r1',
      'r0',
    ]);
    expect(second.nextCursor).toBeUndefined();
  });

  test.each([
    ['?decision=denied', 'decision', 'no decision'],
    ['?outcome=failed', 'outcome', 'no outcome'],
    ['?since=2026-01-01T00:00:00Z', 'since', 'no parameter'],
    ['?from=yesterday', 'from', 'no time'],
    ['?from=2026-01-01', 'from', 'a day is no moment'],
    [`?actor=${'x'.repeat(201)}`, 'actor', 'longer than any actor'],
    ['?limit=0', 'limit', 'no page'],
  ])('%s is a 400 that names %s: %s', async (query, path) => {
    const { status, body } = await list(query);
    expect(status).toBe(400);
    expect(body).toMatchObject({ errors: [{ path }] });
  });

  test.each(['Operator', 'User'])('is not for the role %s', async (role) => {
    expect((await list('', role)).status).toBe(403);
  });
});

describe('POST /audit/verifications', () => {
  test('says how much was verified, without a body or with a span', async () => {
    act('a');
    act('b');
    expect(await verify()).toEqual({ status: 200, body: { verified: 2, segments: 1 } });
    expect((await verify({})).body).toEqual({ verified: 2, segments: 1 });
    expect((await verify({ to: '2020-01-01T00:00:00Z' })).body).toEqual({ verified: 0, segments: 0 });
    expect((await verify({ until: 'now' })).status).toBe(400);
  });

  test('names the first bad record', async () => {
    act('a');
    await audit.flush();
    const [row] = (await trail.store.records(callerTenant, {}, 1)).rows;
    const record = row && recordOf(row, callerTenant);
    if (!record) throw new Error('nothing was recorded');
    await trail.write(callerTenant, {
      ...row,
      key: recordKey(record),
      document: { ...record, actor: 'mallory' },
    });
    expect((await verify()).body).toEqual({
      verified: 0,
      segments: 1,
      firstBad: { id: record.id, at: record.at, reason: 'edited' },
    });
  });
});

describe('a privileged route', () => {
  let acts: number;
  beforeEach(() => {
    acts = 0;
  });
  const routeThat = (handle: Route['handle']): Route =>
    privileged(
      {
        name: 'servers-delete',
        method: 'DELETE',
        path: 'servers/{slug}',
        permission: 'servers.write',
        handle: (call) => {
          acts += 1;
          return handle(call);
        },
      },
      'servers.delete',
      ({ params }) => `servers/${params['slug'] ?? ''}`,
      audit,
    );
  const call = async (handle: Route['handle']) =>
    (await serve(routeThat(handle), http)(request('servers/a', 'DELETE', 'Admin'))).status;

  test.each<[string, number, Route['handle']]>([
    ['succeeded', 204, () => Promise.resolve(succeed({ status: 204 }))],
    ['not_found', 404, () => Promise.resolve(fail({ kind: 'not_found', message: 'no' }))],
    ['unavailable', 503, () => Promise.reject(new InfrastructureError('tables', 'x', undefined))],
    ['internal', 500, () => Promise.reject(new Error('bug'))],
  ])('that comes to %s has a record of its beginning and one of its end', async (outcome, status, handle) => {
    expect(await call(handle)).toBe(status);
    const { items } = (await list()).body;
    const common = { actor: 'user', action: 'servers.delete', resource: 'servers/a', decision: 'allowed' };
    expect(items).toMatchObject([
      { ...common, outcome, begunBy: items[1]?.['id'] },
      { ...common, outcome: 'begun' },
    ]);
    expect(items[0]?.['traceId']).toBe(items[1]?.['traceId']);
  });

  test('does not act when the trail cannot be written', async () => {
    away = true;
    expect(await call(() => Promise.resolve(succeed({ status: 204 })))).toBe(503);
    expect(acts).toBe(0);
  });
});

describe('whoever is turned away', () => {
  const recordsOf = async (tenantId: string) => {
    await audit.flush();
    const { rows } = await trail.store.records(tenantId, {}, 99);
    return rows.map((row) => recordOf(row, tenantId)).toReversed();
  };
  const call = (headers: Record<string, string>) =>
    serve(routeNamed('audit-list'), http)(new Request('https://gateway.example/audit', { headers }));

  test('is recorded by the reason: in their tenant where they are known, else in that of the operator', async () => {
    await call({});
    await call({ authorization: 'Bearer secret-of-mine' });
    await call({ authorization: 'Bearer User' });
    await call({ authorization: 'Bearer Admin', origin: 'https://evil.example' });
    const unknown = { actor: 'unknown', action: 'sign_in', decision: 'refused', outcome: 'unauthenticated' };
    const atOperator = await recordsOf(operatorTenant);
    expect(atOperator).toMatchObject([
      { ...unknown, resource: 'missing' },
      { ...unknown, resource: 'malformed' },
      { ...unknown, resource: 'origin' },
    ]);
    expect(await recordsOf(callerTenant)).toMatchObject([
      { actor: 'user', action: 'audit.read', decision: 'refused', outcome: 'forbidden' },
    ]);
    expect(JSON.stringify(atOperator)).not.toMatch(/secret|evil/);
  });

  test('in a flood does not flood the trail', async () => {
    for (let index = 0; index < 100; index++) await call({});
    expect(await recordsOf(operatorTenant)).toHaveLength(20);
  });
});

test('a tenant runs no more verifications at once than its share, and another tenant still runs one', async () => {
  const started: string[] = [];
  const goOn = Promise.withResolvers<undefined>();
  const slow: TrailStore = {
    ...trail.store,
    records: async (tenantId, ...rest) => {
      started.push(tenantId);
      await goOn.promise;
      return trail.store.records(tenantId, ...rest);
    },
  };
  const route = auditRoutes({ trail: slow, tenants: config.tenants }).find(
    ({ name }) => name === 'audit-verify',
  );
  if (!route) throw new Error('no route');
  const run = (tenantId: string) => {
    const actor = { ...caller.actor, tenantId };
    const verifyToken = () => Promise.resolve({ actor });
    return serve(route, { ...http, verifyToken })(request('audit/verifications', 'POST'));
  };
  const flood = Array.from({ length: 10 }, () => run(callerTenant));
  await expect.poll(() => started).toEqual([callerTenant, callerTenant]);
  const other = run(operatorTenant);
  await expect.poll(() => started).toEqual([callerTenant, callerTenant, operatorTenant]);
  goOn.resolve(undefined);
  const answers = await Promise.all(flood);
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, ...Array<number>(8).fill(429)]);
  const refused = answers.find(({ status }) => status === 429);
  expect(refused?.headers.get('retry-after')).toBe('10');
  expect(await refused?.json()).toMatchObject({
    detail: 'your tenant has 2 verifications running, which is its share; try again when one has ended',
  });
  expect((await other).status).toBe(200);
  expect((await run(callerTenant)).status).toBe(200);
});
