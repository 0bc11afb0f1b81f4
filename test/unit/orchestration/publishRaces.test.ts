import fc from 'fast-check';
import { expect, test } from 'vitest';
import { switchServer } from '../../../shared/orchestration/servers/switchServer.ts';
import type { Task } from '../../../shared/orchestration/tasks/task.ts';
import type { ServerRecord } from '../../../shared/registry/records/server.ts';
import type { ServerStore } from '../../../shared/registry/records/serverStore.ts';
import type { VersionStore } from '../../../shared/registry/versions/versionStore.ts';
import {
  rejectRegistration,
  removeServer,
  updateRegistry,
  updateServer,
} from '../../../shared/specialists/mcp-orchestrator/enterServers.ts';
import { caller, testEngine } from '../../support/engine.ts';
import { discovery } from '../../support/registrations.ts';
import { serverRecord } from '../../support/serverRecord.ts';
import { taskHelpers } from '../../support/taskRun.ts';

const slug = 'inventory';
const planId = 'p';
type Change = VersionStore['change'];
type Find = ServerStore['find'];

/** A server and what changes it. `wrap` comes between each of these and the entries, `wrapFind` between them and the record. */
function registry(
  wrap: (change: Change) => Change = (change) => change,
  wrapFind: (find: Find) => Find = (find) => find,
) {
  const run = testEngine();
  const { servers, versions } = run.deps;
  const deps = {
    ...run.deps,
    servers: { ...servers, find: wrapFind((...args) => servers.find(...args)) },
    versions: { ...versions, change: wrap((...args) => versions.change(...args)) },
  };
  const execute = (task: Task, input: object) =>
    task.execute({ slug, ...input }, taskHelpers(20_000, { tenantId: 't1' }));
  const filter = { latestOnly: false, includeDeleted: false };
  const update = async (title: string, name?: string) => {
    const stored = await servers.find('t1', slug);
    if (!stored) return;
    const { url, description, tags, owner } = stored.value;
    const server = name !== undefined && {
      server: { name, description: 'x', version: '1.0.0', remotes: [{ type: 'streamable-http', url }] },
    };
    const content = { url, title, description, tags, owner, visibility: 'shared', ...server };
    const input = { etag: stored.etag, planId: `${planId} ${title}`, content, discovery };
    await execute(updateServer(deps), input);
  };
  return {
    servers,
    add: async (more: Partial<ServerRecord> = {}) => {
      await servers.add(serverRecord({ slug, planId, discovery, visibility: 'shared', ...more }));
    },
    enable: () => switchServer({ slug }, 'active', caller, deps),
    disable: () => switchServer({ slug }, 'disabled', caller, deps),
    register: () => execute(updateRegistry(deps), { planId, discovery }),
    reject: () => execute(rejectRegistration(deps), { planId, error: null }),
    remove: (etag?: string) => execute(removeServer(deps), { ...(etag !== undefined && { etag }) }),
    update: () => update('Other'),
    rename: () => update('Renamed', 'com.example/renamed'),
    /** The names under which each tenant finds the server. */
    published: async () => {
      const pages = ['t1', 't2'].map((tenant) => versions.list(tenant, filter, 9));
      return (await Promise.all(pages)).map(({ items }) => items.map(({ server }) => server.name));
    },
    status: async () => (await servers.find('t1', slug))?.value.status ?? 'gone',
  };
}

/** A registry in which the first change of an entry after `hold` waits for `resume`. */
function heldRegistry() {
  let isHeld = false;
  const reached = Promise.withResolvers<undefined>();
  const barrier = Promise.withResolvers<undefined>();
  const run = registry((change) => async (...args) => {
    if (isHeld) {
      isHeld = false;
      reached.resolve(undefined);
      await barrier.promise;
    }
    return change(...args);
  });
  return {
    ...run,
    /** Begins the call, and returns when it is about to change the entry. */
    async hold(call: () => Promise<unknown>): Promise<() => Promise<void>> {
      isHeld = true;
      const ended = call();
      await reached.promise;
      return async () => {
        barrier.resolve(undefined);
        await ended;
      };
    },
  };
}

const ours = 'com.example.gateway/inventory';
const nowhere = [[], []];
const everywhere = [[ours], [ours]];

type Act = 'enable' | 'disable' | 'register' | 'remove' | 'update' | 'rename';
test.each<[Act, ServerRecord['status'], readonly Act[], string, readonly (readonly string[])[]]>([
  ['enable', 'disabled', ['remove'], 'gone', nowhere],
  ['enable', 'disabled', ['disable'], 'disabled', nowhere],
  ['enable', 'disabled', ['disable', 'enable'], 'active', everywhere],
  ['disable', 'active', ['enable'], 'active', everywhere],
  ['register', 'pending', ['remove'], 'gone', nowhere],
  ['register', 'pending', ['disable'], 'disabled', nowhere],
  ['update', 'active', ['remove'], 'gone', nowhere],
  ['update', 'active', ['disable'], 'disabled', nowhere],
  ['enable', 'disabled', ['rename'], 'active', [['com.example/renamed'], ['com.example/renamed']]],
  ['enable', 'disabled', ['rename', 'remove'], 'gone', nowhere],
  ['remove', 'active', ['disable', 'enable'], 'gone', nowhere],
])('a late %s of a server that is %s, after %j, leaves it %s', async (late, status, others, end, names) => {
  const run = heldRegistry();
  await run.add({ status });
  const resume = await run.hold(run[late]);
  for (const other of others) await run[other]();
  await resume();
  expect([await run.status(), await run.published()]).toEqual([end, names]);
});

test('a removal that finds the record changed leaves an active server published', async () => {
  const run = heldRegistry();
  await run.add();
  await run.enable();
  const etag = (await run.servers.find('t1', slug))?.etag;
  const resume = await run.hold(() => run.remove(etag));
  await run.disable();
  await run.enable();
  await resume();
  expect([await run.status(), await run.published()]).toEqual(['active', everywhere]);
});

test('a late rejection leaves the registration published that has taken the slug', async () => {
  const run = heldRegistry();
  await run.add({ status: 'pending' });
  const resume = await run.hold(run.reject);
  const stored = await run.servers.find('t1', slug);
  if (!stored) throw new Error('the server is gone');
  await run.servers.replace({ ...stored.value, status: 'pending' }, stored.etag);
  await run.register();
  await resume();
  expect([await run.status(), await run.published()]).toEqual(['active', everywhere]);
});

test('an entry that was left published by a process that died while it disabled the server goes with the next update', async () => {
  const run = registry();
  await run.add();
  await run.enable();
  const stored = await run.servers.find('t1', slug);
  if (!stored) throw new Error('the server is gone');
  await run.servers.replace({ ...stored.value, status: 'disabled' }, stored.etag);
  expect(await run.published()).toEqual(everywhere);
  await run.update();
  expect([await run.status(), await run.published()]).toEqual(['disabled', nowhere]);
});

test('whatever comes between, a server is published in the end exactly if it is active', async () => {
  const acts = fc.array(fc.constantFrom<Act>('enable', 'disable', 'update', 'rename', 'remove'), {
    minLength: 2,
    maxLength: 5,
  });
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), acts, async (scheduler, chosen) => {
      const run = registry(
        (change) => scheduler.scheduleFunction(change),
        (find) => scheduler.scheduleFunction(find),
      );
      await run.add({ status: 'disabled' });
      await scheduler.waitFor(Promise.all(chosen.map((act) => run[act]())));
      const status = await run.status();
      const [own = [], theirs] = await run.published();
      expect(own).toHaveLength(status === 'active' ? 1 : 0);
      expect(theirs).toEqual(own);
    }),
    { numRuns: 100 },
  );
});
