import { TableClient } from '@azure/data-tables';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  azureTableRevocationStore,
  type Revocation,
  revocationIdOf,
  type RevokedSubject,
} from '../../shared/identity/access/revocation.ts';
import { type Delegation, finish, newDelegation } from '../../shared/orchestration/model/delegation.ts';
import { recordOutcome, startPlan } from '../../shared/orchestration/model/planProgress.ts';
import { createRowIds } from '../../shared/orchestration/model/rowIds.ts';
import type { BacklogEntry, DelegationFilter, PlanFilter } from '../../shared/orchestration/model/stores.ts';
import { azureTableBacklogStore } from '../../shared/orchestration/stores/azureTableBacklog.ts';
import {
  azureTableDelegationStore,
  azureTablePlanStore,
} from '../../shared/orchestration/stores/azureTableStores.ts';
import { openTables } from '../../shared/platform/tables/openTables.ts';
import type { OpenTable } from '../../shared/platform/tables/tables.ts';
import { azureTableServerStore } from '../../shared/registry/records/azureTableServerStore.ts';
import type { ServerRecord } from '../../shared/registry/records/server.ts';
import type { ServerFilter } from '../../shared/registry/records/serverStore.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';
import { memoryTables } from '../support/memoryTables.ts';
import { serverRecord } from '../support/serverRecord.ts';

let azurite: Azurite;
beforeAll(async () => {
  azurite = await startAzurite();
  const options = { allowInsecureConnection: true };
  await Promise.all(
    ['servers', 'plans', 'delegations', 'revocations'].map((name) =>
      TableClient.fromConnectionString(azurite.connectionString, name, options).createTable(),
    ),
  );
});
afterAll(() => azurite.stop());

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1000);
const work = {
  agent: 'mcp-debugger',
  task: 'probe',
  input: {},
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  deadline: at(600).toISOString(),
} as const;
const unexpected = () => {
  throw new Error('a row could not be read');
};
const collect = async <T>(items: AsyncIterable<{ readonly value: T }>): Promise<T[]> => {
  const found: T[] = [];
  for await (const { value } of items) found.push(value);
  return found;
};

describe.each<[string, () => OpenTable]>([
  ['Azure Tables', () => openTables(azurite.connectionString)],
  ['tables in memory', () => memoryTables()],
])('on %s', (where, open) => {
  const tenants = Array.from({ length: 9 }, (_, index) => `t-${where}-${index}`) as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  let tables: OpenTable;
  beforeEach(() => {
    tables = open();
  });

  test('a revocation is stored once for its subject, is of its tenant, and is gone once it is removed', async () => {
    const store = azureTableRevocationStore(tables);
    const [, , , , , , , tenantId, other] = tenants;
    const of = (subject: RevokedSubject, more: Partial<Revocation> = {}): Revocation => ({
      id: revocationIdOf(subject),
      tenantId,
      subject,
      createdBy: 'admin',
      createdAt: at(0).toISOString(),
      ...more,
    });
    const user = of({ user: 'u1' }, { reason: 'left' });
    const client = of({ client: 'https://client.example/a?b#c' });
    expect([await store.add(user), await store.add(client)]).toEqual(['inserted', 'inserted']);
    expect(await store.add({ ...user, createdBy: 'another' })).toBe('exists');
    expect(await store.find(tenantId, user.id)).toEqual(user);
    expect(await store.find(other, user.id)).toBeUndefined();
    const first = await store.list(tenantId, 1);
    const rest = await store.list(tenantId, 1, first.after);
    expect([...first.items, ...rest.items].toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual(
      [user, client].toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    );
    expect(rest.after).toBeUndefined();
    expect((await store.list(other, 10)).items).toEqual([]);
    expect(await store.remove(other, user.id)).toBe('missing');
    expect([await store.remove(tenantId, user.id), await store.remove(tenantId, user.id)]).toEqual([
      'removed',
      'missing',
    ]);
    expect(await store.find(tenantId, user.id)).toBeUndefined();
  });

  const record = (slug: string, tenantId: string, more: Partial<ServerRecord> = {}): ServerRecord =>
    serverRecord({
      tenantId,
      slug,
      title: slug,
      discovery: {
        era: 'modern',
        protocolVersion: '2026-07-28',
        serverInfo: { name: 's', version: '1', 'x-vendor': true },
        capabilities: { tools: {} },
        tools: [{ name: 'search', inputSchema: { type: 'object', $defs: { a: 1 } }, 'x-unknown': [1] }],
        discoveredAt: at(0).toISOString(),
      },
      ...more,
    });

  test('what has not ended is found tenant by tenant in turn, however much one has left open', async () => {
    const [busy, quiet] = [`${tenants[7]}-busy`, `${tenants[7]}-quiet`];
    const delegations = azureTableDelegationStore(tables, [busy, quiet]);
    const open = (tenantId: string, id: string) => newDelegation({ ...work, tenantId, id }, at(0));
    for (let n = 0; n < 40; n++) await delegations.add(open(busy, `a${n}`));
    await delegations.add(open(quiet, 'f0'));
    const found = await collect(delegations.unfinished(at(1), unexpected));
    expect(found).toHaveLength(41);
    expect(found.findIndex(({ tenantId }) => tenantId === quiet)).toBeLessThanOrEqual(1);
    expect(await delegations.countUnfinished(busy)).toEqual(new Map([['mcp-debugger', 40]]));
    expect(await delegations.countUnfinished(quiet)).toEqual(new Map([['mcp-debugger', 1]]));
  });

  test('a backlog returns its oldest entries first, each to one caller, and none of another backlog', async () => {
    const backlog = azureTableBacklogStore(tables);
    const tenantId = `${tenants[7]}-line`;
    const place = (
      id: string,
      seconds: number,
      agent: BacklogEntry['agent'] = 'mcp-debugger',
    ): BacklogEntry => ({
      tenantId,
      agent,
      id,
      createdAt: at(seconds).toISOString(),
    });
    const all = [place('c', 1), place('b', 2), place('a', 3), place('d', 0, 'mcp-orchestrator')];
    const [first = place('c', 1), second = first, third = first, other = first] = all;
    await backlog.add([other]);
    await backlog.add([third, second, third]);
    // A repeated request adds its delegation again.
    await backlog.add([second, first]);
    await backlog.add([first]);
    expect(await backlog.first(tenantId, 'mcp-debugger', 2)).toEqual(all.slice(0, 2));
    const own = async () => (await backlog.all()).filter((one) => one.tenantId === tenantId);
    expect(await own()).toEqual(all);
    const taken = await Promise.all([1, 2, 3].map(() => backlog.remove(place('c', 1))));
    expect(taken.filter(Boolean)).toHaveLength(1);
    expect(await backlog.first(tenantId, 'mcp-debugger', 9)).toEqual(all.slice(1, 3));
    for (const one of all) await backlog.remove(one);
    expect(await own()).toEqual([]);
  });

  test('callers that take from a backlog at once get different entries, and together all of them', async () => {
    const backlog = azureTableBacklogStore(tables);
    const tenantId = `${tenants[7]}-taken`;
    const all = Array.from({ length: 30 }, (_, n): BacklogEntry => {
      const createdAt = at(n).toISOString();
      return { tenantId, agent: 'mcp-debugger', id: `e${n}`, createdAt };
    });
    await backlog.add(all);
    const taking = [8, 8, 1, 8, 8].map((limit) => backlog.take(tenantId, 'mcp-debugger', limit));
    const taken = (await Promise.all(taking)).flat();
    for (let more = all; more.length > 0; taken.push(...more))
      more = [...(await backlog.take(tenantId, 'mcp-debugger', 8))];
    expect(taken.map(({ id }) => id).sort()).toEqual(all.map(({ id }) => id).sort());
  });

  test('a server record comes back as it was, with every field of its tools that we do not know', async () => {
    const servers = azureTableServerStore(tables);
    await servers.add(record('a', tenants[1]));
    expect((await servers.find(tenants[1], 'a'))?.value).toEqual(record('a', tenants[1]));
  });

  test('a tenant finds, lists and removes its own servers only, page by page in the order of slugs', async () => {
    const servers = azureTableServerStore(tables);
    const [ours, theirs] = [tenants[2], tenants[3]];
    for (const slug of ['c', 'a', 'b']) await servers.add(record(slug, ours));
    await servers.add(record('a', theirs));
    const first = await servers.list(ours, {}, 2);
    expect(first).toMatchObject({ items: [{ slug: 'a' }, { slug: 'b' }], after: 'b' });
    expect((await servers.list(ours, {}, 2, first.after)).items.map(({ slug }) => slug)).toEqual(['c']);
    const stored = await servers.find(theirs, 'a');
    expect(await servers.remove(record('a', theirs), stored?.etag ?? '')).toBe('removed');
    expect((await servers.list(ours, {}, 9)).items).toHaveLength(3);
    expect(await servers.find(theirs, 'b')).toBeUndefined();
  });

  test('servers are found by status, by tag and by what their names and descriptions hold, page by page', async () => {
    const servers = azureTableServerStore(tables);
    const tenantId = `${tenants[8]}-found`;
    const rows: [string, Partial<ServerRecord>][] = [
      ['a', { tags: ['finance'] }],
      ['b', { title: 'Stock and Bonds', tags: ['finance', 'slow'] }],
      ['c', { status: 'rejected', description: 'what is in stock' }],
      ['stock', {}],
    ];
    for (const [slug, more] of rows) await servers.add(record(slug, tenantId, more));
    const slugs = async (filter: ServerFilter, limit = 9, after?: string) =>
      (await servers.list(tenantId, filter, limit, after)).items.map(({ slug }) => slug);
    expect(await slugs({ status: 'active' })).toEqual(['a', 'b', 'stock']);
    expect(await slugs({ tag: 'finance' })).toEqual(['a', 'b']);
    expect(await slugs({ search: 'STOCK' })).toEqual(['b', 'c', 'stock']);
    expect(await slugs({ search: 'stock', status: 'active', tag: 'slow' })).toEqual(['b']);
    const first = await servers.list(tenantId, { search: 'stock' }, 2);
    expect(first).toMatchObject({ items: [{ slug: 'b' }, { slug: 'c' }], after: 'c' });
    expect(await slugs({ search: 'stock' }, 2, first.after)).toEqual(['stock']);
  });

  const delegation = (id: string, sentAt: Date): Delegation => ({
    id,
    tenantId: tenants[4],
    agent: 'mcp-debugger',
    task: 'probe',
    input: { deep: [{ x: 1 }] },
    requestingAgent: 'mcp-orchestrator',
    traceparent: '00-1-1-01',
    state: 'queued',
    attempt: 1,
    attempts: 0,
    sentAt: sentAt.toISOString(),
    deadline: at(600).toISOString(),
    createdAt: at(0).toISOString(),
  });

  test('delegations are listed by agent, state and plan, a tenant its own', async () => {
    const delegations = azureTableDelegationStore(tables, tenants);
    const tenantId = tenants[6];
    const add = (id: string, more: Partial<Delegation> = {}) =>
      delegations.add({ ...delegation(id, at(0)), tenantId, ...more });
    await add('01', { agent: 'fastmcp-specialist' });
    await add('a2', { planId: "it's" });
    await add('f3', { state: 'running' });
    await add('f4', { tenantId: tenants[7] });
    const ids = async (filter: DelegationFilter) =>
      (await delegations.list(tenantId, filter, 9)).items.map(({ id }) => id);
    expect(await ids({})).toEqual(['01', 'a2', 'f3']);
    expect(await ids({ agent: 'mcp-debugger' })).toEqual(['a2', 'f3']);
    expect(await ids({ agent: 'mcp-debugger', state: 'queued' })).toEqual(['a2']);
    expect(await ids({ planId: "it's" })).toEqual(['a2']);
    const first = await delegations.list(tenantId, {}, 2);
    expect((await delegations.list(tenantId, {}, 2, first.after)).items.map(({ id }) => id)).toEqual(['f3']);
  });

  test('delegations come newest first, within a time, page by page, whatever is added meanwhile', async () => {
    const delegations = azureTableDelegationStore(tables, tenants);
    const tenantId = `t-${where}-newest`;
    let now = at(0);
    const newId = createRowIds({ now: () => now });
    const made: string[] = [];
    const add = async (seconds: number) => {
      now = at(seconds);
      const id = newId();
      made[seconds] = id;
      await delegations.add({ ...delegation(id, now), tenantId, createdAt: now.toISOString() });
    };
    for (let seconds = 0; seconds < 40; seconds++) await add(seconds);
    const list = (filter: DelegationFilter, limit: number, after?: string) =>
      delegations.list(tenantId, filter, limit, after);
    const ids = ({ items }: { items: readonly Delegation[] }) => items.map(({ id }) => id);
    const newest = made.toReversed();
    const first = await list({}, 15);
    expect(ids(first)).toEqual(newest.slice(0, 15));
    await add(40);
    const second = await list({}, 15, first.after);
    const third = await list({}, 15, second.after);
    expect([...ids(first), ...ids(second), ...ids(third)]).toEqual(newest);
    expect(third.after).toBeUndefined();
    expect(ids(await list({ from: at(10), to: at(12) }, 9))).toEqual([made[12], made[11], made[10]]);
    expect(ids(await list({ to: at(12) }, 2, made[11]))).toEqual([made[10], made[9]]);
    expect(ids(await list({ from: at(10), to: at(30), state: 'running' }, 9))).toEqual([]);
  });

  test('a delegation that has ended can be removed by whoever read it last, and is gone', async () => {
    const delegations = azureTableDelegationStore(tables, tenants);
    const done = finish(delegation('b-removed', at(0)), { success: true, result: 1 }, at(5));
    await delegations.add(done);
    expect(await delegations.remove(done, 'W/"another"')).toBe('conflict');
    const found = await delegations.find(tenants[4], 'b-removed');
    expect(await delegations.remove(done, found?.etag ?? '')).toBe('removed');
    expect(await delegations.find(tenants[4], 'b-removed')).toBeUndefined();
    expect(await delegations.remove(done, found?.etag ?? '')).toBe('missing');
  });

  test('what has ended may be removed after its time, and what has not ended never', async () => {
    const delegations = azureTableDelegationStore(tables, tenants);
    const plans = azureTablePlanStore(tables, tenants);
    const day = 24 * 60 * 60;
    const tenantId = tenants[7];
    const open = { ...delegation('e-open', at(0)), tenantId };
    await delegations.add(open);
    await delegations.add(finish({ ...open, id: 'e-ended' }, { success: true, result: 1 }, at(0)));
    const plan = (id: string, name: string) => {
      const start = { id, tenantId, name, requestedBy: 'u', traceparent: '' };
      const steps = [{ id: 's', agent: 'mcp-debugger', task: 'probe', input: {} }] as const;
      return recordOutcome(startPlan(start, steps, at(0)), 's', { success: true, result: 1 }, at(0));
    };
    await plans.add(plan('e-look', 'comprehensive_health_check'));
    await plans.add(plan('e-plan', 'test'));
    const expired = async (days: number) =>
      [
        ...(await collect(delegations.expired(at(days * day + 1), unexpected))),
        ...(await collect(plans.expired(at(days * day + 1), unexpected))),
      ]
        .filter((found) => found.tenantId === tenantId)
        .map(({ id }) => id);
    expect(await expired(0)).toEqual([]);
    expect(await expired(1)).toEqual(['e-look']);
    expect((await expired(30)).toSorted()).toEqual(['e-ended', 'e-look', 'e-plan']);
    expect(await expired(29)).toEqual(['e-look']);
  });

  test('the sweeper finds what has not ended and was made long ago, and nothing else', async () => {
    const delegations = azureTableDelegationStore(tables, tenants);
    const made = (id: string, seconds: number) => ({
      ...delegation(id, at(seconds)),
      createdAt: at(seconds).toISOString(),
    });
    await delegations.add(made('0-lost', 0));
    await delegations.add(made('f-fresh', 60));
    await delegations.add(made('a-done', 0));
    const found = await delegations.find(tenants[4], 'a-done');
    const done = finish(made('a-done', 0), { success: true, result: 1 }, at(5));
    expect((await delegations.replace(done, found?.etag ?? '')).status).toBe('replaced');
    const ours = async () =>
      (await collect(delegations.unfinished(at(30), unexpected))).filter(
        ({ tenantId }) => tenantId === tenants[4],
      );
    expect(await ours()).toEqual([made('0-lost', 0)]);
    const lost = await delegations.find(tenants[4], '0-lost');
    const claimed: Delegation = { ...made('0-lost', 0), state: 'running', attempts: 1 };
    expect((await delegations.replace(claimed, lost?.etag ?? '')).status).toBe('replaced');
    expect(await ours()).toEqual([claimed]);
    expect((await delegations.countUnfinished()).get('mcp-debugger')).toBeGreaterThanOrEqual(2);
  });

  test('what the sweeper cannot read is told, and does not hide the rest', async () => {
    const broken = tables<{ id: string }>('delegations', {
      key: ({ id }) => ({ partition: `${tenants[8]}_${id.slice(0, 1)}`, row: id }),
      columns: () => ({}),
      parse: (document) => document as { id: string },
      open: () => ({ agent: 'mcp-debugger', madeAt: at(0) }),
    });
    await broken.insert({ id: '0broken' });
    const delegations = azureTableDelegationStore(tables, [tenants[8]]);
    const whole = { ...delegation('1whole', at(0)), tenantId: tenants[8] };
    await delegations.add(whole);
    const told: string[] = [];
    const found = await collect(delegations.unfinished(at(30), ({ row }) => told.push(row)));
    expect(told).toEqual(where === 'Azure Tables' ? ['0broken'] : []);
    expect(found).toEqual([whole]);
  });

  test('plans are listed by name, state and gate, and the sweeper finds those that have not ended', async () => {
    const plans = azureTablePlanStore(tables, tenants);
    const start = (id: string, seconds: number, more: object = {}) =>
      startPlan(
        { id, tenantId: tenants[5], name: 'test', requestedBy: 'u', traceparent: '', ...more },
        [{ id: 's', agent: 'mcp-debugger', task: 'probe', input: {} }],
        at(seconds),
      );
    await plans.add(start('0-stuck', 0));
    await plans.add(start('1-fresh', 60, { gate: 'nightly' }));
    await plans.add(start('2-done', 0));
    const stored = await plans.find(tenants[5], '2-done');
    const done = recordOutcome(start('2-done', 0), 's', { success: true, result: 1 }, at(1));
    expect((await plans.replace(done, stored?.etag ?? '')).status).toBe('replaced');
    const unfinished = await collect(plans.unfinished(at(30), unexpected));
    expect(unfinished.filter(({ tenantId }) => tenantId === tenants[5])).toEqual([start('0-stuck', 0)]);
    const ids = async (filter: PlanFilter) =>
      (await plans.list(tenants[5], filter, 9)).items.map(({ id }) => id);
    expect(await ids({})).toEqual(['2-done', '1-fresh', '0-stuck']);
    expect(await ids({ gate: 'nightly' })).toEqual(['1-fresh']);
    expect(await ids({ name: 'test', state: 'succeeded' })).toEqual(['2-done']);
  });
});
