import { beforeAll, describe, expect, test } from 'vitest';
import { compose } from '../../../functions/compose/compose.ts';
import { type Actor, type Role, roles } from '../../../shared/identity/access/actor.ts';
import { delegate } from '../../../shared/orchestration/engine/delegate.ts';
import { submitDelegation } from '../../../shared/orchestration/engine/message.ts';
import { agentNames } from '../../../shared/orchestration/model/agents.ts';
import { actorOf, type Caller } from '../../../shared/orchestration/model/caller.ts';
import { type Delegation, newDelegation } from '../../../shared/orchestration/model/delegation.ts';
import { requestPlan } from '../../../shared/orchestration/plans/requestPlan.ts';
import { withheldFrom } from '../../../shared/orchestration/tasks/resultAccess.ts';
import {
  type ResultPermission,
  resultPermissions,
  type Task,
} from '../../../shared/orchestration/tasks/task.ts';
import { type TaskCatalogue, taskCatalogue } from '../../../shared/orchestration/tasks/taskCatalogue.ts';
import { testConfig } from '../../support/config.ts';
import { caller, testEngine } from '../../support/engine.ts';

const own = ['delegations.read'] as const;
const trail = ['audit.read'] as const;
const system = ['system.read'] as const;

/** What the result of each task takes. A task that is added needs a row: look at all that it returns. */
const decided: Readonly<Record<string, readonly ResultPermission[]>> = {
  'mcp-orchestrator take_slug': own,
  'mcp-orchestrator update_registry': own,
  'mcp-orchestrator reject_registration': own,
  'mcp-orchestrator update_server': own,
  'mcp-orchestrator remove_server': own,
  'mcp-orchestrator register_servers': own,
  // Builds that run.
  'mcp-orchestrator handle_deployment_status': system,
  'mcp-orchestrator probe': own,
  // Who the owner of a session is.
  'mcp-security-auditor authenticate_admin': ['sessions.read'],
  'mcp-security-auditor audit_registration': own,
  // All tenants, and refusals of the trail.
  'mcp-security-auditor azure_oauth_setup': ['system.read', 'audit.read'],
  'mcp-security-auditor jwt_token_validation': own,
  'mcp-security-auditor role_based_access': own,
  'mcp-security-auditor audit_trail_analysis': trail,
  // All tenants.
  'mcp-security-auditor azure_oauth_validation': system,
  'mcp-security-auditor oauth_flow_end_to_end_test': own,
  'mcp-security-auditor audit_logging_verification': trail,
  'mcp-security-auditor jwt_token_validation_test': own,
  'mcp-security-auditor role_based_access_test': own,
  'mcp-security-auditor tenant_isolation_test': own,
  'mcp-security-auditor audit_trail_completeness': trail,
  // All tenants.
  'mcp-security-auditor validate_azure_connectivity': system,
  'mcp-security-auditor generate_security_report': trail,
  'mcp-security-auditor handle_authentication_failure': trail,
  'mcp-security-auditor probe': own,
  'fastmcp-specialist validate_server_config': own,
  'fastmcp-specialist oauth_proxy_integration': own,
  'fastmcp-specialist check_oauth_proxy_status': own,
  'fastmcp-specialist middleware_chain_setup': own,
  'fastmcp-specialist middleware_chain_validation': own,
  // Tables and Redis.
  'fastmcp-specialist mcp_server_health': system,
  'fastmcp-specialist structured_responses': own,
  'fastmcp-specialist type_caching_optimization': own,
  'fastmcp-specialist probe': own,
  // Tables, Redis and queues.
  'mcp-debugger dual_server_debugging': system,
  'mcp-debugger dual_server_communication_test': system,
  'mcp-debugger management_server_health': system,
  'mcp-debugger check_management_endpoints': own,
  'mcp-debugger authentication_failures': trail,
  // A timeline with the records of the trail.
  'mcp-debugger middleware_issues': trail,
  'mcp-debugger database_connection_issues': system,
  // Tables, Redis, queues, and the load of all tenants.
  'mcp-debugger generate_diagnostic_report': system,
  'mcp-debugger handle_authentication_failure': trail,
  'mcp-debugger handle_performance_degradation': ['system.read', 'audit.read'],
  // Calls to a server, counted in the trail.
  'mcp-debugger handle_protocol_violation': trail,
  'mcp-debugger probe': own,
  'mcp-deployment-specialist environment_configuration': system,
  'mcp-deployment-specialist docker_orchestration': system,
  'mcp-deployment-specialist azure_container_deployment': system,
  'mcp-deployment-specialist production_deployment': system,
  'mcp-deployment-specialist azure_app_registration_validation': system,
  'mcp-deployment-specialist generate_deployment_report': system,
  'mcp-deployment-specialist handle_deployment_status': system,
  'mcp-deployment-specialist probe': own,
  'mcp-performance-optimizer database_query_optimization': system,
  'mcp-performance-optimizer database_health_check': system,
  'mcp-performance-optimizer database_performance_validation': system,
  'mcp-performance-optimizer check_database_performance': system,
  'mcp-performance-optimizer redis_caching_strategy': system,
  'mcp-performance-optimizer redis_connectivity_test': system,
  'mcp-performance-optimizer check_redis_connectivity': system,
  'mcp-performance-optimizer oauth_token_performance': own,
  'mcp-performance-optimizer middleware_performance': own,
  'mcp-performance-optimizer generate_performance_report': system,
  'mcp-performance-optimizer handle_performance_degradation': system,
  'mcp-performance-optimizer probe': own,
  'mcp-protocol-expert mcp_specification_compliance': own,
  'mcp-protocol-expert json_rpc_optimization': own,
  'mcp-protocol-expert transport_layer_tuning': own,
  'mcp-protocol-expert capability_negotiation': own,
  'mcp-protocol-expert generate_compliance_report': own,
  'mcp-protocol-expert handle_protocol_violation': own,
  'mcp-protocol-expert probe': own,
};

/** Who has what, by role: first in the operator's tenant `t1`, then in the other, `t2`. */
const has: Readonly<Record<string, Readonly<Record<Role, readonly ResultPermission[]>>>> = {
  t1: {
    Admin: ['delegations.read', 'audit.read', 'sessions.read', 'system.read'],
    Operator: ['delegations.read', 'system.read'],
    Auditor: ['delegations.read', 'audit.read', 'sessions.read'],
    User: [],
  },
  t2: {
    Admin: ['delegations.read', 'audit.read', 'sessions.read'],
    Operator: ['delegations.read'],
    Auditor: ['delegations.read', 'audit.read', 'sessions.read'],
    User: [],
  },
};

const tenantOfConfig = '00000000-0000-4000-8000-000000000000';
let tasks: readonly Task[];
/** The real tasks, which do nothing. */
let idle: TaskCatalogue;
beforeAll(async () => {
  const { tasks: load } = compose(testConfig({ MREG_TENANTS: tenantOfConfig }));
  const catalogue = await load();
  tasks = agentNames.flatMap((agent) => catalogue.of(agent));
  idle = taskCatalogue(
    tasks.map((task) => ({ ...task, execute: () => Promise.resolve({ success: true, result: 'ran' }) })),
  );
});

const nameOf = ({ agent, name }: Pick<Task, 'agent' | 'name'>) => `${agent} ${name}`;
const as = (role: Role, tenantId: string): Caller => ({
  ...caller,
  actor: { ...caller.actor, tenantId, roles: [role] },
});
const rowFor = ({ agent, name }: Task, tenantId: string, id: string, actor?: Actor): Delegation => ({
  ...newDelegation(
    {
      id,
      tenantId,
      agent,
      task: name,
      input: {},
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      deadline: '2026-01-01T12:00:00.000Z',
    },
    new Date(Date.UTC(2026, 0, 1)),
  ),
  ...(actor && { actor }),
});

test('each task is decided, and there are no others', () => {
  expect(Object.fromEntries(tasks.map((task) => [nameOf(task), task.permissions]))).toEqual(decided);
});

const cells = Object.keys(has).flatMap((tenant) => roles.map((role) => ({ tenant, role })));

describe.each(cells)('$role of the tenant $tenant', ({ tenant, role }) => {
  const lacks = (task: Task) =>
    (decided[nameOf(task)] ?? resultPermissions).filter(
      (permission) => !has[tenant]?.[role].includes(permission),
    );

  test('is refused where they ask for a task whose result they may not read, by what they lack', async () => {
    for (const task of tasks) {
      const { deps, queue } = testEngine();
      const asked = await delegate({ agent: task.agent, task: task.name }, as(role, tenant), idle, deps);
      if (task.planOnly) {
        expect(asked).toMatchObject({ ok: false, error: { kind: 'forbidden' } });
        continue;
      }
      const [missing] = lacks(task);
      if (missing === undefined) {
        // A task that takes some input was asked for without.
        if (!asked.ok) expect(asked.error.kind, nameOf(task)).toBe('invalid');
        continue;
      }
      const error = { kind: 'forbidden', message: expect.stringContaining(missing) as string };
      expect(asked, nameOf(task)).toMatchObject({ ok: false, error });
      expect(queue).toEqual([]);
    }
  });

  test('has work refused when it is run, by what they lack then', async () => {
    const engine = testEngine();
    const { deps } = engine;
    const open = tasks.filter(({ planOnly }) => !planOnly);
    for (const [index, task] of open.entries())
      await submitDelegation(rowFor(task, tenant, `a${index}`, actorOf(as(role, tenant))), deps);
    await engine.drain(idle);
    for (const [index, task] of open.entries()) {
      const { outcome } = (await deps.delegations.find(tenant, `a${index}`))?.value ?? {};
      const [missing] = lacks(task);
      expect(outcome, nameOf(task)).toMatchObject(
        missing === undefined
          ? { success: true }
          : {
              success: false,
              error: { kind: 'forbidden', message: expect.stringContaining(missing) as string },
            },
      );
    }
  });

  test('reads just the results that they may', () => {
    const withheldOf = withheldFrom(as(role, tenant).actor, idle, 't1');
    for (const task of tasks) {
      const missing = lacks(task);
      const withheld = withheldOf({ agent: task.agent, task: task.name });
      expect(withheld, nameOf(task)).toEqual(missing.length === 0 ? undefined : { permissions: missing });
    }
  });
});

describe('a plan of steps', () => {
  const step = (task: string) => ({
    id: 'a',
    agent: 'mcp-debugger',
    task,
    input: {},
    dependsOn: [],
    severity: 'critical' as const,
    onFailure: 'stop' as const,
  });
  const ask = (steps: readonly object[], tenant: string) => {
    const { deps } = testEngine();
    return requestPlan({ steps: steps as ReturnType<typeof step>[] }, as('Admin', tenant), idle, deps);
  };

  test('is refused for a step or a compensation whose result its author may not read', async () => {
    const { agent, task, input } = step('database_connection_issues');
    const refused = {
      ok: false,
      error: { kind: 'forbidden', message: expect.stringContaining('system.read') as string },
    };
    expect(await ask([step('database_connection_issues')], 't2')).toMatchObject(refused);
    expect(await ask([{ ...step('probe'), compensation: { agent, task, input } }], 't2')).toMatchObject(
      refused,
    );
    expect(await ask([step('database_connection_issues')], 't1')).toMatchObject({ ok: true });
  });

  test('runs its steps for its author, and a gate or another named plan for the system', async () => {
    const engine = testEngine();
    const { deps } = engine;
    const made = await requestPlan(
      { steps: [step('authentication_failures')] },
      as('Admin', 't2'),
      idle,
      deps,
    );
    const gate = await requestPlan({ name: 'security_validation' }, as('Operator', 't2'), idle, deps);
    await engine.drain(idle);
    for (const begun of [made, gate]) {
      if (!begun.ok) throw new Error(begun.error.message);
      expect((await deps.plans.find('t2', begun.value.id))?.value.state).toBe('succeeded');
    }
  });
});

describe('when work is run', () => {
  const run = async (
    name: string,
    more: Partial<Delegation> = {},
    change: (engine: ReturnType<typeof testEngine>) => Promise<void> | void = () => undefined,
  ) => {
    const engine = testEngine();
    const task = tasks.find((known) => known.name === name);
    if (!task) throw new Error(`there is no task ${name}`);
    await submitDelegation({ ...rowFor(task, 't1', 'a1', actorOf(caller)), ...more }, engine.deps);
    await change(engine);
    await engine.drain(idle);
    return (await engine.deps.delegations.find('t1', 'a1'))?.value;
  };
  const forbidden = (words: string) => ({
    outcome: {
      success: false,
      error: { kind: 'forbidden', message: expect.stringContaining(words) as string },
    },
  });

  test('a sign-in that has ended gives no right to the audit trail any more, and does to what is open', async () => {
    const wait = (engine: ReturnType<typeof testEngine>) => {
      engine.advance(3_600 + 61);
    };
    expect(await run('audit_trail_analysis', {}, wait)).toMatchObject(forbidden('sign-in'));
    expect(await run('probe', {}, wait)).toMatchObject({ state: 'succeeded' });
  });

  test('a session that an administrator has ended takes the right with it', async () => {
    const engine = testEngine();
    const { id: sessionId } = await engine.deps.sessions.open(caller.actor);
    const task = tasks.find(({ name }) => name === 'audit_trail_analysis');
    if (!task) throw new Error('there is no such task');
    for (const id of ['a1', 'a2']) {
      await submitDelegation({ ...rowFor(task, 't1', id, actorOf(caller)), sessionId }, engine.deps);
      if (id === 'a2') await engine.deps.sessions.end('t1', sessionId);
      await engine.drain(idle);
    }
    expect((await engine.deps.delegations.find('t1', 'a1'))?.value).toMatchObject({ state: 'succeeded' });
    expect((await engine.deps.delegations.find('t1', 'a2'))?.value).toMatchObject(forbidden('session'));
  });

  test('a message that names another task than its row is dropped', async () => {
    const forge = ({ queue }: ReturnType<typeof testEngine>) => {
      const [message] = queue;
      if (message) Object.assign(message.body, { taskType: 'audit_trail_analysis' });
    };
    expect(await run('probe', { agent: 'mcp-security-auditor' }, forge)).toMatchObject({
      state: 'queued',
      attempts: 0,
    });
  });

  test('a row that does not say for whom it is may do what is open to all readers, and nothing else', async () => {
    const nobody = { actor: undefined };
    expect(await run('audit_trail_analysis', nobody)).toMatchObject(forbidden('ask for it again'));
    expect(await run('probe', nobody)).toMatchObject({ state: 'succeeded' });
  });

  test('plans, gates and events of the gateway itself run whatever their asker may read', async () => {
    const nobody = { ...caller.actor, roles: [] };
    const event = { actor: nobody, grantedBy: 'event authentication_failure' };
    expect(await run('handle_authentication_failure', event)).toMatchObject({ state: 'succeeded' });
  });

  test('a step of named plans runs in a plan of the gateway alone', async () => {
    const grantedBy = 'plan server_removal';
    expect(await run('remove_server', { grantedBy })).toMatchObject(forbidden('named plan'));
    expect(await run('remove_server', { planId: 'p' })).toMatchObject(forbidden('named plan'));
    expect(await run('remove_server', { planId: 'p', grantedBy })).toMatchObject({ state: 'succeeded' });
  });
});

test('a result of a task that there is no more takes every permission', () => {
  const reader = { tenantId: 't1', roles: ['Auditor'] as const };
  const work = { agent: 'mcp-debugger', task: 'gone' };
  expect(withheldFrom(reader, idle, 't1')(work)).toEqual({ permissions: ['system.read'] });
});
