import { describe, expect, test } from 'vitest';
import {
  azureTableDelegationStore,
  azureTablePlanStore,
} from '../../../shared/orchestration/azureTableStores.ts';
import type { Agent } from '../../../shared/orchestration/agents.ts';
import { type RegistrationDeps, registerServer } from '../../../shared/orchestration/plan/registerServer.ts';
import { runDelegation } from '../../../shared/orchestration/delegation/runDelegation.ts';
import { sweepStuck } from '../../../shared/orchestration/sweepStuck.ts';
import { defineTask } from '../../../shared/orchestration/task/task.ts';
import { taskCatalogue } from '../../../shared/orchestration/task/taskCatalogue.ts';
import { InfrastructureError } from '../../../shared/platform/errors.ts';
import { fail, succeed } from '../../../shared/platform/result.ts';
import { continueTrace } from '../../../shared/platform/trace.ts';
import { azureTableServerStore } from '../../../shared/registry/azureTableServerStore.ts';
import { type Discovery, discoverySchema } from '../../../shared/registry/server.ts';
import { updateRegistry } from '../../../shared/specialists/mcp-orchestrator/updateRegistry.ts';
import { z } from 'zod';
import { memoryTables } from '../../support/memoryTables.ts';

const discovery: Discovery = {
  era: 'legacy',
  protocolVersion: '2025-11-25',
  serverInfo: { name: 's', version: '1' },
  capabilities: {},
  tools: [{ name: 'search' }],
  discoveredAt: '2026-01-01T00:00:00Z',
};
const caller = {
  principal: { tenantId: 't1', userId: 'u1', kind: 'user', clientId: 'c', roles: ['Admin'], expiresAt: 0 },
  trace: continueTrace(undefined),
} as const;
const registration = { slug: 'inventory', url: 'https://mcp.example.com/mcp' };

interface Faults {
  /** Throws on the operation with this number, as an outage does. */
  readonly faultAt?: number;
  /** Everything after the operation with this number throws until `revive`: the process has died. */
  readonly deadFrom?: number;
  /** Messages are delivered twice, the newest first. */
  readonly disorder?: boolean;
  readonly validate?: (url: string) => ReturnType<typeof succeed<Discovery>> | ReturnType<typeof fail>;
}

/** The engine with queues, tables and time in memory; every operation on them is counted and may fail. */
function engine(faults: Faults = {}) {
  let operations = 0;
  let ids = 0;
  let dead = false;
  let now = Date.UTC(2026, 0, 1);
  const before = () => {
    operations += 1;
    if (operations === faults.deadFrom) dead = true;
    if (dead || operations === faults.faultAt) throw new InfrastructureError('tables', 'test', undefined);
  };
  const tables = memoryTables(before);
  const queue: { agent: Agent; body: object; deliveries: number }[] = [];
  const seen = new Set<string>();
  const runs: string[] = [];
  const deps: RegistrationDeps = {
    servers: azureTableServerStore(tables),
    delegations: azureTableDelegationStore(tables),
    plans: azureTablePlanStore(tables),
    sender: {
      send(agent, { messageId, body }) {
        return Promise.resolve().then(() => {
          before();
          if (seen.has(messageId)) return;
          seen.add(messageId);
          const message = {
            agent: agent as Agent,
            body: JSON.parse(JSON.stringify(body)) as object,
            deliveries: 0,
          };
          queue.push(message, ...(faults.disorder ? [{ ...message }] : []));
        });
      },
    },
    clock: { now: () => new Date(now) },
    newId: () => `id${String((ids += 1))}`,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    upstreamPolicy: 'public',
    publicOrigin: 'https://gateway.example.com',
  };
  const validate = defineTask({
    name: 'validate_server_config',
    agent: 'fastmcp-specialist',
    description: '',
    timeoutMs: 1_000,
    input: z.object({ url: z.string() }),
    output: discoverySchema,
    run: ({ url }) => {
      runs.push('validate');
      return Promise.resolve((faults.validate ?? (() => succeed(discovery)))(url));
    },
  });
  const tasks = taskCatalogue([validate, updateRegistry(deps)]);

  /** Delivers as Service Bus does: a handler that throws gets its message again, at most five times. */
  async function drain() {
    for (let message = take(); message; message = take()) {
      message.deliveries += 1;
      try {
        await runDelegation(message.body, message.agent, tasks, deps);
      } catch {
        if (message.deliveries < 5) queue.push(message);
      }
    }
  }
  const take = () => (faults.disorder ? queue.pop() : queue.shift());

  return {
    deps,
    runs,
    queue,
    tasks,
    drain,
    operations: () => operations,
    /** The process is back, locks and leases have ended, and the sweeper has run a few times. */
    async recover() {
      dead = false;
      for (let round = 0; round < 4; round++) {
        now += 5 * 30_000;
        await sweepStuck(deps);
        await drain();
      }
    },
    advance: (seconds: number) => (now += seconds * 1000),
  };
}

const server = async ({ deps }: ReturnType<typeof engine>) =>
  (await deps.servers.find('t1', 'inventory'))?.value;

describe('registering a server', () => {
  test('ends in an active record with what was found', async () => {
    const run = engine();
    const registered = await registerServer(registration, caller, run.deps);
    expect(registered).toMatchObject({ ok: true, value: { status: 'pending' } });
    await run.drain();
    expect(await server(run)).toMatchObject({ status: 'active', discovery });
    const plan = registered.ok ? await run.deps.plans.find('t1', registered.value.planId) : undefined;
    expect(plan?.value.state).toBe('succeeded');
  });

  test('ends in a rejected record with the reason when the server cannot be used, and the slug is free for another try', async () => {
    const run = engine({ validate: () => fail({ kind: 'unavailable', message: 'connection refused' }) });
    await registerServer(registration, caller, run.deps);
    await run.drain();
    expect(await server(run)).toMatchObject({ status: 'rejected', statusReason: 'connection refused' });
    expect(await registerServer(registration, caller, run.deps)).toMatchObject({ ok: true });
  });

  test('refuses a slug that is taken and a URL that the guard refuses, and stores nothing', async () => {
    const run = engine();
    await registerServer(registration, caller, run.deps);
    expect(await registerServer(registration, caller, run.deps)).toMatchObject({
      error: { kind: 'already_exists' },
    });
    const operations = run.operations();
    for (const url of ['http://10.0.0.1/', 'https://gateway.example.com/mcp']) {
      expect(await registerServer({ slug: 'other', url }, caller, run.deps)).toMatchObject({
        error: { kind: 'invalid', errors: [{ path: 'url' }] },
      });
    }
    expect(run.operations()).toBe(operations);
  });

  test('of two at once for one slug gives one record and one refusal', async () => {
    const run = engine();
    const both = await Promise.all([1, 2].map(() => registerServer(registration, caller, run.deps)));
    expect(both.map(({ ok }) => ok).sort()).toEqual([false, true]);
  });

  test('takes a record over whose plan was never written', async () => {
    const run = engine();
    const at = run.deps.clock.now().toISOString();
    await run.deps.servers.add({
      ...registration,
      tenantId: 't1',
      title: '',
      description: '',
      status: 'pending',
      planId: 'lost',
      createdBy: 'u',
      createdAt: at,
      updatedAt: at,
    });
    expect((await registerServer(registration, caller, run.deps)).ok).toBe(false);
    run.advance(61);
    expect((await registerServer(registration, caller, run.deps)).ok).toBe(true);
  });

  test('tells a late validation of a deleted registration that it decides nothing', async () => {
    const run = engine();
    const first = await registerServer(registration, caller, run.deps);
    const stored = await run.deps.servers.find('t1', 'inventory');
    if (stored) await run.deps.servers.remove(stored.value, stored.etag);
    await run.drain();
    const plan = first.ok ? await run.deps.plans.find('t1', first.value.planId) : undefined;
    expect(plan?.value).toMatchObject({
      state: 'failed',
      steps: [{ state: 'succeeded' }, { error: { kind: 'not_found' } }],
    });
    expect(await server(run)).toBeUndefined();
  });
});

describe('at least once', () => {
  test('messages that come twice and out of order run each task once', async () => {
    const run = engine({ disorder: true });
    await registerServer(registration, caller, run.deps);
    await run.drain();
    expect(run.runs).toEqual(['validate']);
    expect(await server(run)).toMatchObject({ status: 'active' });
  });

  test('two deliveries at the same moment run the task once', async () => {
    const run = engine({ disorder: true });
    await registerServer(registration, caller, run.deps);
    const handle = ({ body }: { body: object }) =>
      runDelegation(body, 'fastmcp-specialist', run.tasks, run.deps);
    await Promise.all(run.queue.splice(0, 2).map(handle));
    expect(run.runs).toEqual(['validate']);
  });

  test('a message that comes again after its outcome was recorded tells the plan that had not heard of it', async () => {
    const run = engine();
    await registerServer(registration, caller, run.deps);
    const [message] = run.queue.splice(0, 1);
    const { plans } = run.deps;
    const deaf = { ...run.deps, plans: { ...plans, replace: () => Promise.reject(new Error('down')) } };
    const handle = (deps: RegistrationDeps) =>
      runDelegation(message?.body, 'fastmcp-specialist', run.tasks, deps);
    await expect(handle(deaf)).rejects.toThrow('down');
    await handle(run.deps);
    await run.drain();
    expect(run.runs).toEqual(['validate']);
    expect(await server(run)).toMatchObject({ status: 'active' });
  });

  test('a message of another agent or of no known shape is thrown back, to be dead-lettered', async () => {
    const run = engine();
    await registerServer(registration, caller, run.deps);
    const [message] = run.queue;
    await expect(runDelegation(message?.body, 'mcp-debugger', taskCatalogue([]), run.deps)).rejects.toThrow(
      'not a delegation',
    );
    await expect(
      runDelegation({ schemaVersion: 99 }, 'mcp-debugger', taskCatalogue([]), run.deps),
    ).rejects.toThrow('not a delegation');
  });

  test('a task that keeps throwing fails for good, and the registration is rejected without its words', async () => {
    const run = engine({
      validate: () => {
        throw new Error('secret');
      },
    });
    await registerServer(registration, caller, run.deps);
    await run.drain();
    expect(run.runs).toHaveLength(4);
    expect((await server(run))?.status).toBe('rejected');
    expect(JSON.stringify(await server(run))).not.toContain('secret');
  });

  test('a result that no row could hold is a failure that says so', async () => {
    const tools = [{ name: 'x'.repeat(500_000) }];
    const run = engine({ validate: () => succeed({ ...discovery, tools }) });
    await registerServer(registration, caller, run.deps);
    await run.drain();
    expect(await server(run)).toMatchObject({
      status: 'rejected',
      statusReason: expect.stringContaining('450000') as string,
    });
  });

  test('a task that does not know its name fails at once', async () => {
    const run = engine();
    const registered = await registerServer(registration, caller, run.deps);
    const [message] = run.queue;
    await runDelegation(message?.body, 'fastmcp-specialist', taskCatalogue([]), run.deps);
    const id = registered.ok ? `${registered.value.planId}-validate_server_config` : '';
    expect((await run.deps.delegations.find('t1', id))?.value.outcome).toMatchObject({
      error: { kind: 'not_found' },
    });
  });
});

describe('whatever fails, the registration ends and nothing is lost', () => {
  const operations = async () => {
    const run = engine();
    await registerServer(registration, caller, run.deps);
    await run.drain();
    return run.operations();
  };

  test.each(['faultAt', 'deadFrom'] as const)('with %s at every single operation', async (kind) => {
    const total = await operations();
    expect(total).toBeGreaterThan(10);
    for (let at = 1; at <= total; at++) {
      const run = engine({ [kind]: at });
      const accepted = await registerServer(registration, caller, run.deps).catch(() => undefined);
      await run.drain();
      await run.recover();
      // A registration that was not accepted may have left nothing, or a record that a second try takes over.
      if (!accepted) {
        expect(
          (await registerServer(registration, caller, run.deps)).ok ||
            (await server(run))?.status === 'active',
        ).toBe(true);
        await run.drain();
      }
      expect([at, (await server(run))?.status]).toEqual([at, 'active']);
    }
  });
});
