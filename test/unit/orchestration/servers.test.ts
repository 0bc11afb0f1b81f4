import { describe, expect, test } from 'vitest';
import { createRowIds } from '../../../shared/orchestration/model/rowIds.ts';
import { registerServers } from '../../../shared/orchestration/plans/bulkRegistration.ts';
import { registerServer } from '../../../shared/orchestration/plans/serverRegistration.ts';
import { removeServer } from '../../../shared/orchestration/plans/serverRemoval.ts';
import { refreshServer, updateServer } from '../../../shared/orchestration/plans/serverUpdate.ts';
import { fail, succeed } from '../../../shared/platform/base/result.ts';
import { registrationSchema } from '../../../shared/registry/records/server.ts';
import { caller } from '../../support/engine.ts';
import {
  discovery,
  type RegistryOptions,
  type TestRegistry,
  testRegistry,
} from '../../support/registrations.ts';

const slug = 'inventory';
const registration = { slug, url: 'https://mcp.example.com/mcp' };
const server = {
  name: 'com.example/stock',
  description: 'What is in stock',
  version: '1.0.0',
  remotes: [{ type: 'streamable-http', url: 'https://stock.example.com/mcp' }],
};

/** A registry with one active server. */
async function registry(options: RegistryOptions = {}): Promise<TestRegistry> {
  const run = testRegistry(options);
  await registerServer(registration, caller, run.deps);
  await run.drain();
  return run;
}
const stored = async ({ deps }: TestRegistry) => deps.servers.find('t1', slug);
const listed = async ({ versions }: TestRegistry, latestOnly = true) =>
  (await versions.list('t1', { latestOnly, includeDeleted: false }, 9)).items.map(
    ({ server: { name, version } }) => `${name} ${version}`,
  );
const planOf = async ({ deps }: TestRegistry, id: string) => (await deps.plans.find('t1', id))?.value;

test('a server that is registered is published, and one that is rejected is not', async () => {
  expect(await listed(await registry())).toEqual(['com.example.gateway/inventory 1']);
  expect(await listed(await registry({ auditFails: () => true }))).toEqual([]);
  expect(
    await listed(await registry({ validate: () => fail({ kind: 'unavailable', message: 'no' }) })),
  ).toEqual([]);
});

test('a server whose server.json holds a secret from before they were refused is not published again', async () => {
  const run = await registry();
  const before = await stored(run);
  if (!before) throw new Error('the server was just registered');
  const headers = [{ name: 'Authorization', value: 'Bearer canary' }];
  const held = { ...server, remotes: [{ ...server.remotes[0], headers }] };
  await run.deps.servers.replace({ ...before.value, server: held }, before.etag);
  const refused = await refreshServer({ slug }, caller, run.deps);
  expect(refused).toMatchObject({
    ok: false,
    error: { kind: 'invalid', errors: [{ path: 'server.remotes.0.headers.0.value' }] },
  });
  expect(JSON.stringify(refused)).not.toContain('canary');
});

describe('updating a server', () => {
  test('validates it anew and then replaces all that was said of it', async () => {
    const run = await registry();
    const before = await stored(run);
    const content = { url: 'https://other.example.com/mcp', title: 'Other', tags: ['finance'] };
    const begun = await updateServer({ slug, etag: before?.etag }, content, caller, run.deps);
    expect((await stored(run))?.value).toEqual(before?.value);
    await run.drain();
    expect((await stored(run))?.value).toMatchObject({
      ...content,
      description: '',
      owner: 'u1',
      status: 'active',
    });
    expect(run.runs).toHaveLength(2);
    expect(begun.ok && (await planOf(run, begun.value.id))?.state).toBe('succeeded');
  });

  test('keeps its owner, and nothing else that is not said again', async () => {
    const run = await registry();
    const upstream = { timeoutMs: 5_000, headers: { authorization: { credential: 'stock-key' } } };
    const url = 'https://stock.example.com/mcp';
    const content = { url, owner: 'team', visibility: 'shared' as const, upstream };
    await updateServer({ slug }, content, caller, run.deps);
    await run.drain();
    expect((await stored(run))?.value).toMatchObject(content);
    await updateServer({ slug }, { url }, caller, run.deps);
    await run.drain();
    const { owner, ...rest } = (await stored(run))?.value ?? {};
    expect(owner).toBe('team');
    for (const name of ['visibility', 'upstream']) expect(rest).not.toHaveProperty(name);
  });

  test('leaves it as it was where clients would run something else of a published version', async () => {
    const run = await registry();
    const advertise = 'direct';
    await updateServer({ slug }, { url: server.remotes[0]?.url ?? '', server, advertise }, caller, run.deps);
    await run.drain();
    const before = await stored(run);
    const moved = { ...server, remotes: [{ type: 'streamable-http', url: 'https://new.example.com/mcp' }] };
    const begun = await updateServer(
      { slug },
      { url: 'https://new.example.com/mcp', server: moved, advertise },
      caller,
      run.deps,
    );
    await run.drain();
    expect(begun.ok && (await planOf(run, begun.value.id))?.state).toBe('failed');
    expect((await stored(run))?.value).toEqual(before?.value);
  });

  test.each([
    [{ visibility: 'shared' as const }, 'visibility', 't2'],
    [
      { upstream: { headers: { 'x-key': { credential: 'none' } } } },
      'upstream.headers.x-key.credential',
      't1',
    ],
    [
      { upstream: { headers: { 'x-key': { credential: 'stock-key' } } } },
      'upstream.headers.x-key.credential',
      't1',
    ],
  ])('%# is refused where its tenant may not: %o', async (more, path, tenantId) => {
    const { deps } = testRegistry();
    const other = { ...caller, actor: { ...caller.actor, tenantId } };
    const refused = await registerServer({ ...registration, ...more }, other, deps);
    expect(refused).toMatchObject({ ok: false, error: { kind: 'invalid', errors: [{ path }] } });
    expect(await deps.servers.find(tenantId, slug)).toBeUndefined();
  });

  test('publishes it under the name that it has then, and no longer under the other', async () => {
    const run = await registry();
    await updateServer({ slug }, { url: server.remotes[0]?.url ?? '', server }, caller, run.deps);
    await run.drain();
    expect(await listed(run)).toEqual(['com.example/stock 1.0.0']);
  });

  test('leaves it as it was where it cannot be validated, or not be recorded', async () => {
    let isDown = false;
    let isAway = false;
    const run = await registry({
      validate: () => (isDown ? fail({ kind: 'unavailable', message: 'down' }) : succeed(discovery)),
      auditFails: () => isAway,
    });
    const before = await stored(run);
    for (const breakDown of [() => (isDown = true), () => ([isDown, isAway] = [false, true])]) {
      breakDown();
      const begun = await updateServer({ slug }, { url: 'https://other.example.com/mcp' }, caller, run.deps);
      await run.drain();
      expect(await stored(run)).toEqual(before);
      expect(begun.ok && (await planOf(run, begun.value.id))?.state).toBe('failed');
    }
  });

  test('of two at once one wins, and the other is told that it has lost', async () => {
    const run = await registry();
    const begun = await Promise.all(
      ['one', 'two'].map((title) =>
        updateServer({ slug }, { url: registration.url, title }, caller, run.deps),
      ),
    );
    await run.drain();
    const states = await Promise.all(
      begun.map(async (plan) => plan.ok && (await planOf(run, plan.value.id))?.state),
    );
    expect(states.sort()).toEqual(['failed', 'succeeded']);
  });

  test('is refused with an ETag that is not the newest, for a server that there is not, and for a bad URL', async () => {
    const run = await registry();
    const content = { url: registration.url };
    const refusal = async (change: { slug: string; etag?: string }, more = content) =>
      updateServer(change, more, caller, run.deps);
    expect(await refusal({ slug, etag: 'W/"old"' })).toMatchObject({ error: { kind: 'conflict' } });
    expect(await refusal({ slug: 'other' })).toMatchObject({ error: { kind: 'not_found' } });
    expect(await refusal({ slug }, { url: 'http://10.0.0.1/' })).toMatchObject({
      error: { kind: 'invalid' },
    });
    expect(run.queue).toEqual([]);
  });

  test('waits until the registration has ended', async () => {
    const run = testRegistry();
    await registerServer(registration, caller, run.deps);
    expect(await updateServer({ slug }, { url: registration.url }, caller, run.deps)).toMatchObject({
      error: { kind: 'already_exists' },
    });
  });
});

test('refreshing a server finds anew what it offers and keeps all else', async () => {
  let tools = ['search'];
  const validate = () => succeed({ ...discovery, tools: tools.map((name) => ({ name })) });
  const run = await registry({ validate });
  const before = (await stored(run))?.value;
  tools = ['search', 'count'];
  const begun = await refreshServer({ slug }, caller, run.deps);
  run.advance(5);
  await run.drain();
  const id = begun.ok ? `${begun.value.id}-update_server` : '';
  expect((await run.deps.delegations.find('t1', id))?.value.outcome).toMatchObject({
    result: { tools: { added: ['count'], removed: [], changed: [] } },
  });
  const { discovery: found, updatedAt: _, planId: _plan, ...rest } = (await stored(run))?.value ?? {};
  expect(found?.tools.map(({ name }) => name)).toEqual(tools);
  expect(before).toMatchObject(rest);
});

describe('removing a server', () => {
  test('takes it out of the registry and of what is published, and frees its slug', async () => {
    const run = await registry();
    await removeServer({ slug }, caller, run.deps);
    await run.drain();
    expect(await stored(run)).toBeUndefined();
    expect(await listed(run)).toEqual([]);
    expect((await registerServer(registration, caller, run.deps)).ok).toBe(true);
    await run.drain();
    expect(await listed(run)).toHaveLength(1);
  });

  test('is not done without a record of it', async () => {
    let isAway = false;
    const run = testRegistry({ auditFails: () => isAway });
    await registerServer(registration, caller, run.deps);
    await run.drain();
    isAway = true;
    await removeServer({ slug }, caller, run.deps);
    await run.drain();
    expect((await stored(run))?.value.status).toBe('active');
  });
});

describe('registering many servers', () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, index) => ({
      slug: `s${index}`,
      url: `https://s${index}.example.com/mcp`,
    }));

  test('is one plan, of which each server has an end of its own, within the budget of the pools', async () => {
    const validate = (url: string) =>
      url.includes('//s7.') ? fail({ kind: 'unavailable', message: 'down' }) : succeed(discovery);
    const run = testRegistry({ validate });
    await registerServer({ slug: 's3', url: 'https://s3.example.com/mcp' }, caller, run.deps);
    await run.drain();
    const begun = await registerServers(many(60), caller, run.deps);
    if (!begun.ok) throw new Error(begun.error.message);
    expect(
      (await run.deps.pools.usage({ tenantId: 't1', app: 'management' })).map(({ inUse }) => inUse),
    ).toEqual([4, 2, 1]);
    await run.pump();
    expect((await planOf(run, begun.value.id))?.state).toBe('succeeded');
    expect(
      (await run.deps.pools.usage({ tenantId: 't1', app: 'management' })).map(({ inUse }) => inUse),
    ).toEqual([0, 0, 0]);
    const results = await Promise.all(
      [1, 2, 3].map(async (chunk) => {
        const { outcome } =
          (await run.deps.delegations.find('t1', `${begun.value.id}-register_${chunk}`))?.value ?? {};
        return outcome?.success
          ? (outcome.result as { servers: { slug: string; status: string }[] }).servers
          : [];
      }),
    );
    const statuses = Object.fromEntries(results.flat().map(({ slug: of, status }) => [of, status]));
    expect(Object.keys(statuses)).toHaveLength(60);
    expect([statuses['s3'], statuses['s7'], statuses['s8']]).toEqual(['refused', 'rejected', 'active']);
    expect((await run.deps.servers.list('t1', { status: 'active' }, 99)).items).toHaveLength(59);
  });

  test('has its plans in the list of plans at its own time', async () => {
    const run = testRegistry();
    Object.assign(run.deps, { newId: createRowIds(run.deps.clock) });
    const register = async (of: string) => {
      const begun = await registerServer({ ...registration, slug: of }, caller, run.deps);
      await run.drain();
      return begun.ok ? begun.value.plan.id : '';
    };
    const before = await register('before');
    run.advance(60);
    await registerServers(many(6), caller, run.deps);
    await run.pump();
    run.advance(60);
    const after = await register('after');
    const { items } = await run.deps.plans.list('t1', {}, 99);
    expect(items).toHaveLength(9);
    expect([items[0]?.id, items.at(-1)?.id]).toEqual([after, before]);
  });

  test('is refused when the pools have not enough, and when it is more than a row holds', async () => {
    const run = testRegistry();
    expect(await registerServers(many(50), caller, run.deps)).toMatchObject({ ok: true });
    expect(await registerServers(many(50), caller, run.deps)).toMatchObject({ error: { kind: 'exhausted' } });
    const long = many(300).map((one) => ({ ...one, description: 'x'.repeat(1_000) }));
    expect(await registerServers(long, caller, run.deps)).toMatchObject({ error: { kind: 'too_large' } });
  });
});

test.each(['bulk', 'import', 'export'])(
  'a server cannot be called %s, which the API needs for itself',
  (reserved) => {
    expect(registrationSchema.safeParse({ ...registration, slug: reserved }).success).toBe(false);
  },
);
