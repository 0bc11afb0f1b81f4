import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { runDelegation } from '../../../shared/orchestration/engine/runDelegation.ts';
import type { RegistrationDeps } from '../../../shared/orchestration/plans/namedPlan.ts';
import { registerServer } from '../../../shared/orchestration/plans/serverRegistration.ts';
import { taskCatalogue } from '../../../shared/orchestration/tasks/taskCatalogue.ts';
import { CLOCK_TOLERANCE_MS } from '../../../shared/platform/base/clock.ts';
import { fail, succeed } from '../../../shared/platform/base/result.ts';
import { caller, type QueuedMessage } from '../../support/engine.ts';
import { discovery, type TestRegistry, testRegistry } from '../../support/registrations.ts';
import { serverRecord } from '../../support/serverRecord.ts';

const registration = { slug: 'inventory', url: 'https://mcp.example.com/mcp' };

/** The message of the validation, once the authentication before it has run. */
async function validationMessage({ queue, tasks, deps }: TestRegistry) {
  const [first] = queue.splice(0, 1);
  await runDelegation(first?.body, 'mcp-security-auditor', tasks, deps);
  return queue.shift();
}

const server = async ({ deps }: TestRegistry) => (await deps.servers.find('t1', 'inventory'))?.value;

describe('registering a server', () => {
  test('ends in an active record with what was found', async () => {
    const run = testRegistry();
    const registered = await registerServer(registration, caller, run.deps);
    expect(registered).toMatchObject({ ok: true, value: { record: { status: 'pending' } } });
    await run.drain();
    expect(await server(run)).toMatchObject({ status: 'active', discovery });
    const plan = registered.ok ? await run.deps.plans.find('t1', registered.value.plan.id) : undefined;
    expect(plan?.value.state).toBe('succeeded');
  });

  test('ends in a rejected record when the sign-in of its caller has ended, and never connects', async () => {
    const run = testRegistry();
    const expiresAt = run.deps.clock.now().getTime() + 60_000;
    const brief = { ...caller, actor: { ...caller.actor, expiresAt } };
    await registerServer(registration, brief, run.deps);
    run.advance(60 + CLOCK_TOLERANCE_MS / 1_000);
    await run.drain();
    expect(run.runs).toEqual([]);
    expect(await server(run)).toMatchObject({
      status: 'rejected',
      statusReason: expect.stringContaining('sign in') as string,
    });
  });

  test('ends in a rejected record when it cannot be recorded, although it had been active', async () => {
    const run = testRegistry({ auditFails: () => true });
    const registered = await registerServer(registration, caller, run.deps);
    await run.drain();
    expect(await server(run)).toMatchObject({ status: 'rejected' });
    const plan = registered.ok ? await run.deps.plans.find('t1', registered.value.plan.id) : undefined;
    expect(plan?.value).toMatchObject({
      state: 'failed',
      steps: [{ state: 'compensated' }, {}, {}, {}, { state: 'failed' }],
    });
  });

  test('leaves the plan and each piece of its work in the audit trail', async () => {
    const run = testRegistry();
    await registerServer(registration, caller, run.deps);
    await run.drain();
    expect(run.audited.map(({ action, resource, outcome }) => [action, resource, outcome])).toEqual([
      ['delegations.run', 'agents/mcp-security-auditor/tasks/authenticate_admin', 'succeeded'],
      ['delegations.run', 'agents/fastmcp-specialist/tasks/validate_server_config', 'succeeded'],
      ['delegations.run', 'agents/mcp-orchestrator/tasks/update_registry', 'succeeded'],
      ['delegations.run', 'agents/mcp-security-auditor/tasks/audit_registration', 'succeeded'],
      ['plans.run', expect.stringMatching(/^plans\//), 'succeeded'],
    ]);
  });

  test('ends in a rejected record with the reason when the server cannot be used, and the slug is free for another try', async () => {
    const run = testRegistry({
      validate: () => fail({ kind: 'unavailable', message: 'connection refused' }),
    });
    await registerServer(registration, caller, run.deps);
    await run.drain();
    expect(await server(run)).toMatchObject({ status: 'rejected', statusReason: 'connection refused' });
    expect(await registerServer(registration, caller, run.deps)).toMatchObject({ ok: true });
  });

  test('refuses a slug that is taken and a URL that the guard refuses, and stores nothing', async () => {
    const run = testRegistry();
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
    const run = testRegistry();
    const both = await Promise.all([1, 2].map(() => registerServer(registration, caller, run.deps)));
    expect(both.map(({ ok }) => ok).sort()).toEqual([false, true]);
  });

  test('takes a pending record over that no plan decides about any more', async () => {
    const run = testRegistry();
    await run.deps.servers.add(serverRecord({ status: 'pending', planId: 'lost' }));
    expect((await registerServer(registration, caller, run.deps)).ok).toBe(true);
  });

  test('tells a late validation of a deleted registration that it decides nothing', async () => {
    const run = testRegistry();
    const first = await registerServer(registration, caller, run.deps);
    const stored = await run.deps.servers.find('t1', 'inventory');
    if (stored) await run.deps.servers.remove(stored.value, stored.etag);
    await run.drain();
    const plan = first.ok ? await run.deps.plans.find('t1', first.value.plan.id) : undefined;
    expect(plan?.value).toMatchObject({
      state: 'failed',
      steps: [
        { id: 'take_slug', compensation: { state: 'failed' } },
        { id: 'authenticate_admin', state: 'succeeded' },
        { id: 'validate_server_config', state: 'succeeded' },
        { id: 'update_registry', error: { kind: 'not_found' } },
        { id: 'audit_registration', state: 'skipped' },
      ],
    });
    expect(await server(run)).toBeUndefined();
  });
});

describe('at least once', () => {
  test('messages that come twice and out of order run each task once', async () => {
    const run = testRegistry({ disorder: true });
    await registerServer(registration, caller, run.deps);
    await run.drain();
    expect(run.runs).toEqual(['validate']);
    expect(await server(run)).toMatchObject({ status: 'active' });
  });

  test('two deliveries at the same moment run the task once', async () => {
    const run = testRegistry({ disorder: true });
    await registerServer(registration, caller, run.deps);
    const handle = ({ agent, body }: QueuedMessage) => runDelegation(body, agent, run.tasks, run.deps);
    await Promise.all(run.queue.splice(0, 2).map(handle));
    await Promise.all(run.queue.splice(0, 2).map(handle));
    expect(run.runs).toEqual(['validate']);
  });

  test('a message that comes again after its outcome was recorded tells the plan that had not heard of it', async () => {
    const run = testRegistry();
    await registerServer(registration, caller, run.deps);
    const message = await validationMessage(run);
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

  test('a write of an outcome whose answer was lost, and which was repeated, tells the plan all the same', async () => {
    const run = testRegistry();
    await registerServer(registration, caller, run.deps);
    const message = await validationMessage(run);
    const { delegations } = run.deps;
    const replace: typeof delegations.replace = async (row, etag) => {
      const written = await delegations.replace(row, etag);
      return row.outcome ? { status: 'conflict' } : written;
    };
    const deps = { ...run.deps, delegations: { ...delegations, replace } };
    await runDelegation(message?.body, 'fastmcp-specialist', run.tasks, deps);
    expect(run.queue.map(({ agent }) => agent)).toEqual(['mcp-orchestrator']);
  });

  test('a message of another agent or of no known shape is thrown back, to be dead-lettered', async () => {
    const run = testRegistry();
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
    const run = testRegistry({
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
    const tools = [{ name: randomBytes(1_500_000).toString('base64') }];
    const run = testRegistry({ validate: () => succeed({ ...discovery, tools }) });
    await registerServer(registration, caller, run.deps);
    await run.drain();
    expect(await server(run)).toMatchObject({
      status: 'rejected',
      statusReason: expect.stringContaining('longer than a row holds') as string,
    });
  });

  test('a long catalogue is packed, so that its server can be registered', async () => {
    const tools = Array.from({ length: 5_000 }, (_, index) => ({
      name: `tool_${index}`,
      description: 'x'.repeat(200),
    }));
    const run = testRegistry({ validate: () => succeed({ ...discovery, tools }) });
    await registerServer(registration, caller, run.deps);
    await run.drain();
    expect(await server(run)).toMatchObject({ status: 'active', discovery: { tools } });
  });

  test('a task that does not know its name fails at once', async () => {
    const run = testRegistry();
    const registered = await registerServer(registration, caller, run.deps);
    const message = await validationMessage(run);
    await runDelegation(message?.body, 'fastmcp-specialist', taskCatalogue([]), run.deps);
    const id = registered.ok ? `${registered.value.plan.id}-validate_server_config` : '';
    expect((await run.deps.delegations.find('t1', id))?.value.outcome).toMatchObject({
      error: { kind: 'not_found' },
    });
  });
});

test('a process that dies anywhere in a registration leaves nothing, or what the sweeper completes', async () => {
  const begin = testRegistry();
  await registerServer(registration, caller, begin.deps);
  for (let deadFrom = 1; deadFrom <= begin.operations(); deadFrom++) {
    const run = testRegistry({ deadFrom });
    await registerServer(registration, caller, run.deps).catch(() => undefined);
    await run.recover();
    const { items: plans } = await run.deps.plans.list('t1', {}, 9);
    expect([deadFrom, (await server(run))?.status, plans.map(({ state }) => state)]).toEqual(
      plans.length === 0 ? [deadFrom, undefined, []] : [deadFrom, 'active', ['succeeded']],
    );
  }
});

test('a registration that is sent again after a fault anywhere is the same one, however often it is sent', async () => {
  const whole = testRegistry();
  await registerServer(registration, caller, whole.deps);
  const again = { ...caller, requestId: 'b1' };
  for (let faultAt = 1; faultAt <= whole.operations(); faultAt++) {
    const run = testRegistry({ faultAt });
    const answers: unknown[] = [];
    for (let sent = 0; sent < 3; sent++) {
      const answer = await registerServer(registration, again, run.deps).catch(() => undefined);
      if (answer) answers.push(answer.ok ? answer.value.plan.id : answer.error);
      run.advance(1);
    }
    expect([faultAt, new Set(answers)]).toEqual([faultAt, new Set(['b1'])]);
  }
});

describe('whatever fails, the registration ends and nothing is lost', () => {
  const operations = async () => {
    const run = testRegistry();
    await registerServer(registration, caller, run.deps);
    await run.drain();
    return run.operations();
  };

  test.each(['faultAt', 'deadFrom'] as const)('with %s at every single operation', async (kind) => {
    const total = await operations();
    expect(total).toBeGreaterThan(10);
    for (let at = 1; at <= total; at++) {
      const run = testRegistry({ [kind]: at });
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
