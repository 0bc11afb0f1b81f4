import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Plan } from '../../../shared/orchestration/model/plan.ts';
import { registerServers } from '../../../shared/orchestration/plans/bulkRegistration.ts';
import { planRequestSchema, requestPlan } from '../../../shared/orchestration/plans/requestPlan.ts';
import { registerServer } from '../../../shared/orchestration/plans/serverRegistration.ts';
import { refreshServer, updateServer } from '../../../shared/orchestration/plans/serverUpdate.ts';
import { defineTask } from '../../../shared/orchestration/tasks/task.ts';
import { taskCatalogue } from '../../../shared/orchestration/tasks/taskCatalogue.ts';
import { fail, succeed } from '../../../shared/platform/base/result.ts';
import { registrationSchema, serverContentSchema } from '../../../shared/registry/records/server.ts';
import { caller, testEngine } from '../../support/engine.ts';
import { plainDefinition } from '../../support/plainTask.ts';
import { discovery, type TestRegistry, testRegistry } from '../../support/registrations.ts';

/** Data of a stranger that is written as the references of a plan are. */
const lookalikes = {
  outcome: { $outcomeOf: 'authenticate_admin' },
  deep: [{ result: { $resultOf: 'authenticate_admin', at: '' } }],
  error: { $planError: true },
};
const slug = 'inventory';
const server = {
  name: 'com.example/stock',
  description: 'What is in stock',
  version: '1.0.0',
  remotes: [{ type: 'streamable-http', url: 'https://stock.example.com/mcp' }],
  _meta: { 'com.example/notes': lookalikes },
};
/** Published as it stands. */
const described = { server, advertise: 'direct' } as const;
const registration = registrationSchema.parse({ slug, ...described });
const content = serverContentSchema.parse(described);
/** An upstream that describes itself so. */
const validate = () =>
  succeed({ ...discovery, serverInfo: { name: 's', version: '1', ...lookalikes }, capabilities: lookalikes });

const plain = async (run: TestRegistry) => {
  await registerServer({ slug, url: 'https://stock.example.com/mcp' }, caller, run.deps);
  await run.drain();
};
const named = (run: TestRegistry, name: string, input: unknown) =>
  requestPlan(planRequestSchema.parse({ name, input }), caller, run.tasks, run.deps);

const say = defineTask({
  ...plainDefinition,
  agent: 'mcp-debugger',
  name: 'say',
  input: z.object({}),
  run: () => Promise.resolve(succeed(lookalikes)),
});
const hear = (seen: unknown[]) =>
  defineTask({
    ...plainDefinition,
    agent: 'mcp-debugger',
    name: 'hear',
    input: z.object({ said: z.unknown() }),
    run: ({ said }) => (seen.push(said), Promise.resolve(succeed({ said }))),
  });
const asking = (id: string) => ({ id, agent: 'mcp-debugger', task: 'say' });
const hearing = (id: string, of: string) => ({
  id,
  agent: 'mcp-debugger',
  task: 'hear',
  dependsOn: [of],
  input: { said: { $resultOf: of } },
});

describe('data that looks like a reference stays as it was sent', () => {
  test.each<[how: string, enter: (run: TestRegistry) => Promise<unknown>]>([
    ['by a registration', (run) => registerServer(registration, caller, run.deps)],
    ['by a change', async (run) => (await plain(run), updateServer({ slug }, content, caller, run.deps))],
    ['by a registration of many', (run) => registerServers([registration], caller, run.deps)],
    [
      'by a refresh',
      async (run) => {
        await registerServer(registration, caller, run.deps);
        await run.drain();
        return refreshServer({ slug }, caller, run.deps);
      },
    ],
    ['by the named plan of it', (run) => named(run, 'server_registration_with_auth', { slug, ...described })],
    [
      'by the named plan of a change',
      async (run) => (await plain(run), named(run, 'server_update', { slug, content: described })),
    ],
    [
      'by the named plan of many',
      (run) => named(run, 'bulk_server_registration', { servers: [{ slug, ...described }] }),
    ],
  ])('%s', async (_, enter) => {
    const run = testRegistry({ validate });
    expect(await enter(run)).toMatchObject({ ok: true });
    await run.pump();
    const record = (await run.deps.servers.find('t1', slug))?.value;
    expect(record).toMatchObject({ status: 'active', server });
    expect(record?.discovery).toMatchObject({ capabilities: lookalikes, serverInfo: lookalikes });
    const published = await run.versions.list('t1', { latestOnly: true, includeDeleted: false }, 9);
    expect(published.items.find((version) => version.server.name === server.name)?.server).toEqual(server);
  });

  test('by a task, whose result a later step is given', async () => {
    const seen: unknown[] = [];
    const tasks = taskCatalogue([say, hear(seen)]);
    const steps = [asking('authenticate_admin'), hearing('one', 'authenticate_admin'), hearing('two', 'one')];
    const run = testEngine();
    await requestPlan(planRequestSchema.parse({ steps }), caller, tasks, run.deps);
    await run.drain(tasks);
    expect(seen).toEqual([lookalikes, { said: lookalikes }]);
  });
});

describe('a plan of an earlier version, whose row lists no places of references,', () => {
  test.each<[what: string, begin: (run: TestRegistry) => Promise<unknown>]>([
    ['registration', (run) => registerServer(registration, caller, run.deps)],
    ['change', async (run) => (await plain(run), updateServer({ slug }, content, caller, run.deps))],
    ['registration of many', (run) => registerServers([registration], caller, run.deps)],
  ])('ends as it would have, and its data stays as it was sent: %s', async (_, begin) => {
    const run = testRegistry({ validate });
    expect(await begin(run)).toMatchObject({ ok: true });
    await forgetPlaces(run);
    await run.pump();
    const record = (await run.deps.servers.find('t1', slug))?.value;
    expect(record).toMatchObject({ status: 'active', server, discovery: { capabilities: lookalikes } });
  });

  test('tells a rejected server why', async () => {
    const run = testRegistry({ validate: () => fail({ kind: 'unavailable', message: 'down' }) });
    await registerServer(registration, caller, run.deps);
    await forgetPlaces(run);
    await run.drain();
    const record = (await run.deps.servers.find('t1', slug))?.value;
    expect(record).toMatchObject({ status: 'rejected', statusReason: 'down' });
  });

  test('brings what its author referred to', async () => {
    const seen: unknown[] = [];
    const tasks = taskCatalogue([say, hear(seen)]);
    const steps = [asking('one'), hearing('two', 'one')];
    const run = testEngine();
    await requestPlan(planRequestSchema.parse({ steps }), caller, tasks, run.deps);
    await forgetPlaces(run);
    await run.drain(tasks);
    expect(seen).toEqual([lookalikes]);
  });

  async function forgetPlaces({ deps }: Pick<TestRegistry, 'deps'>): Promise<void> {
    const { items } = await deps.plans.list('t1', { state: 'running' }, 9);
    expect(items.length).toBeGreaterThan(0);
    for (const { id } of items) {
      const stored = await deps.plans.find('t1', id);
      if (!stored) throw new Error('a plan that is listed cannot be found');
      expect((await deps.plans.replace(withoutPlaces(stored.value), stored.etag)).status).toBe('replaced');
    }
  }
});

const withoutPlaces = (plan: Plan): Plan => ({
  ...plan,
  steps: plan.steps.map(({ references: _, compensation, ...step }) => {
    const { references: _none, ...undo } = compensation ?? { references: [] };
    return { ...step, ...('task' in undo && { compensation: undo }) };
  }),
});
