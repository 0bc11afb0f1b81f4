import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Actor } from '../../../shared/identity/access/actor.ts';
import { delegate } from '../../../shared/orchestration/engine/delegate.ts';
import { registerServers } from '../../../shared/orchestration/plans/bulkRegistration.ts';
import { registerServer } from '../../../shared/orchestration/plans/serverRegistration.ts';
import { removeServer } from '../../../shared/orchestration/plans/serverRemoval.ts';
import { updateServer } from '../../../shared/orchestration/plans/serverUpdate.ts';
import { defineTask } from '../../../shared/orchestration/tasks/task.ts';
import { taskCatalogue } from '../../../shared/orchestration/tasks/taskCatalogue.ts';
import { fail, succeed } from '../../../shared/platform/base/result.ts';
import type { Registration } from '../../../shared/registry/records/server.ts';
import { caller, testEngine } from '../../support/engine.ts';
import { testRegistry } from '../../support/registrations.ts';

const slug = 'inventory';
const registration = { slug, url: 'https://mcp.example.com/mcp' };
const signedIn = { ...caller, token: 'header.payload.signature' };

const statusOf = async ({ deps }: ReturnType<typeof testRegistry>, of = slug) =>
  (await deps.servers.find('t1', of))?.value.status;

test('a registration, a change and a removal end well although Redis loses all it had meanwhile', async () => {
  const run = testRegistry();
  await registerServer(registration, signedIn, run.deps);
  run.forgetState();
  await run.drain();
  expect(await statusOf(run)).toBe('active');
  await updateServer({ slug }, { ...registration, title: 'New' }, signedIn, run.deps);
  run.forgetState();
  await run.drain();
  expect((await run.deps.servers.find('t1', slug))?.value.title).toBe('New');
  await removeServer({ slug }, signedIn, run.deps);
  run.forgetState();
  await run.drain();
  expect(await statusOf(run)).toBeUndefined();
});

test('a registration is accepted and done while Redis is away', async () => {
  const run = testRegistry();
  run.setStateAway(true);
  expect(await registerServer(registration, signedIn, run.deps)).toMatchObject({ ok: true });
  await run.drain();
  expect(await statusOf(run)).toBe('active');
});

test('many servers that are registered at once are all registered although Redis loses all it had', async () => {
  const run = testRegistry();
  const many = Array.from({ length: 30 }, (_, index) => ({ ...registration, slug: `s${index}` }));
  await registerServers(many, signedIn, run.deps);
  run.forgetState();
  await run.pump();
  const statuses = await Promise.all(many.map((one) => statusOf(run, one.slug)));
  expect(new Set(statuses)).toEqual(new Set(['active']));
});

test('many servers are registered with the token of their caller, if one of them needs it', async () => {
  const run = testRegistry();
  const credentials = { ...run.deps.credentials, isPersonal: () => true, check: () => succeed(undefined) };
  const upstream = { headers: { authorization: { credential: 'mail' } } };
  const tokenOf = async (...many: Registration[]) => {
    const begun = await registerServers(many, signedIn, { ...run.deps, credentials });
    if (!begun.ok) throw new Error(begun.error.message);
    const { sessionId } = begun.value;
    return sessionId === undefined ? undefined : run.deps.sessions.token('t1', sessionId);
  };
  expect(await tokenOf(registration, { ...registration, slug: 'mail', upstream })).toBe(signedIn.token);
  expect(await tokenOf({ ...registration, slug: 'other' })).toBeUndefined();
});

test('each registration of a bulk registration gets the token that its validation needs', async () => {
  const run = testRegistry();
  Object.assign(run.deps, {
    credentials: { ...run.deps.credentials, isPersonal: () => true, check: () => succeed(undefined) },
  });
  const upstream = { headers: { authorization: { credential: 'mail' } } };
  const begun = await registerServers([{ ...registration, upstream }], signedIn, run.deps);
  if (!begun.ok) throw new Error(begun.error.message);
  await run.pump();
  const planId = (await run.deps.servers.find('t1', slug))?.value.planId ?? '';
  const { sessionId = '' } = (await run.deps.plans.find('t1', planId))?.value ?? {};
  expect(await run.deps.sessions.token('t1', sessionId)).toBe(signedIn.token);
});

test('a bulk registration that the resource pools refuse leaves no session behind', async () => {
  const run = testRegistry();
  const credentials = { ...run.deps.credentials, isPersonal: () => true };
  const upstream = { headers: { authorization: { credential: 'mail' } } };
  let opened = '';
  const sessions: typeof run.deps.sessions = {
    ...run.deps.sessions,
    async open(...args) {
      const session = await run.deps.sessions.open(...args);
      opened = session.id;
      return session;
    },
  };
  const pools: typeof run.deps.pools = {
    ...run.deps.pools,
    allocate: () => Promise.resolve(fail({ kind: 'exhausted', message: '' })),
  };
  const deps = { ...run.deps, credentials, sessions, pools };
  expect(await registerServers([{ ...registration, upstream }], signedIn, deps)).toMatchObject({ ok: false });
  expect(opened).not.toBe('');
  expect(await run.deps.sessions.find('t1', opened)).toBeUndefined();
});

test('the rows of accepted work hold who it is for, and no message and no row holds a token', async () => {
  const run = testRegistry();
  const registered = await registerServer(registration, signedIn, run.deps);
  if (!registered.ok) throw new Error(registered.error.message);
  const plan = await run.deps.plans.find('t1', registered.value.plan.id);
  const { items } = await run.deps.delegations.list('t1', { planId: registered.value.plan.id }, 9);
  expect(plan?.value.actor).toEqual(caller.actor);
  expect(items.map(({ actor }) => actor)).toEqual([caller.actor]);
  expect(JSON.stringify([plan, items, run.queue])).not.toContain(signedIn.token);
  expect(JSON.stringify(run.queue)).not.toContain('roles');
});

/** Runs a delegation that was asked for in a session of its caller, and returns whom its task worked for. */
async function actorAfter(meanwhile: (engine: ReturnType<typeof testEngine>, session: string) => unknown) {
  const engine = testEngine();
  let actor: Actor | undefined;
  const tasks = taskCatalogue([
    defineTask({
      name: 'work',
      permissions: ['delegations.read'],
      agent: 'mcp-debugger',
      description: '',
      timeoutMs: 5_000,
      input: z.object({}),
      output: z.unknown(),
      run: (_, helpers) => {
        actor = helpers.actor;
        return Promise.resolve(succeed({}));
      },
    }),
  ]);
  const session = await engine.deps.sessions.open(caller.actor);
  const request = {
    agent: 'mcp-debugger',
    task: 'work',
    sessionId: session.id,
    deadline: '2026-01-01T20:00:00Z',
  };
  const made = await delegate(request, caller, tasks, engine.deps);
  if (!made.ok) throw new Error(made.error.message);
  await meanwhile(engine, session.id);
  await engine.drain(tasks);
  const ended = await engine.deps.delegations.find('t1', made.value.id);
  expect(ended?.value.outcome).toMatchObject({ success: true });
  return actor;
}

const nothing = () => undefined;

test.each([
  ['nothing happened', nothing, true],
  [
    'Redis lost all it had',
    (engine: ReturnType<typeof testEngine>) => {
      engine.forgetState();
    },
    true,
  ],
  [
    'Redis is away',
    (engine: ReturnType<typeof testEngine>) => {
      engine.setStateAway(true);
    },
    true,
  ],
  [
    'its owner has ended it',
    ({ deps }: ReturnType<typeof testEngine>, id: string) => deps.sessions.end('t1', id),
    false,
  ],
  [
    'its owner has ended it and Redis lost all it had',
    async (engine: ReturnType<typeof testEngine>, id: string) => {
      await engine.deps.sessions.end('t1', id);
      engine.forgetState();
    },
    false,
  ],
  [
    'its time is over',
    (engine: ReturnType<typeof testEngine>) => {
      engine.advance(3_700);
    },
    false,
  ],
])('work in a session when %s', async (_, meanwhile, isFor) => {
  expect((await actorAfter(meanwhile)) !== undefined).toBe(isFor);
});
