import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { agentNames } from '../../../shared/orchestration/model/agents.ts';
import { cancelDelegation } from '../../../shared/orchestration/engine/cancelDelegation.ts';
import { delegate, delegationRequestSchema } from '../../../shared/orchestration/engine/delegate.ts';
import { nearestName } from '../../../shared/orchestration/model/unknownName.ts';
import { routingMatrix } from '../../../shared/orchestration/agents/routing.ts';
import { runDelegation } from '../../../shared/orchestration/engine/runDelegation.ts';
import { defineTask } from '../../../shared/orchestration/tasks/task.ts';
import { taskCatalogue } from '../../../shared/orchestration/tasks/taskCatalogue.ts';
import { succeed } from '../../../shared/platform/base/result.ts';
import { caller, testEngine } from '../../support/engine.ts';

const now = new Date('2026-01-01T00:00:00Z');
const later = (seconds: number) => new Date(now.getTime() + seconds * 1000).toISOString();
const common = {
  permissions: ['delegations.read'],
  description: '',
  timeoutMs: 1_000,
  output: z.unknown(),
} as const;
const probe = defineTask({
  ...common,
  name: 'probe_endpoints',
  agent: 'mcp-debugger',
  input: z.strictObject({ url: z.string().optional() }),
  run: () => Promise.resolve(succeed('seen')),
});
const setup = defineTask({
  ...common,
  name: 'azure_oauth_setup',
  agent: 'mcp-security-auditor',
  input: z.object({}),
  run: () => Promise.resolve(succeed('set up')),
});
const planOnly = defineTask({
  ...common,
  name: 'enter',
  agent: 'mcp-debugger',
  planOnly: true,
  input: z.object({}),
  run: () => Promise.resolve(succeed('entered')),
});
const catalogue = taskCatalogue([probe, setup, planOnly]);

function engine() {
  const { deps, queue, ...rest } = testEngine();
  return { deps: { ...deps, newId: () => '0f' }, sent: queue, ...rest };
}

test('the routing matrix is the one of the description, row by row', () => {
  expect(routingMatrix).toEqual({
    azure_oauth_setup: 'mcp-security-auditor',
    jwt_token_validation: 'mcp-security-auditor',
    role_based_access: 'mcp-security-auditor',
    audit_trail_analysis: 'mcp-security-auditor',
    oauth_proxy_integration: 'fastmcp-specialist',
    middleware_chain_setup: 'fastmcp-specialist',
    structured_responses: 'fastmcp-specialist',
    type_caching_optimization: 'fastmcp-specialist',
    dual_server_debugging: 'mcp-debugger',
    authentication_failures: 'mcp-debugger',
    middleware_issues: 'mcp-debugger',
    database_connection_issues: 'mcp-debugger',
    azure_container_deployment: 'mcp-deployment-specialist',
    docker_orchestration: 'mcp-deployment-specialist',
    environment_configuration: 'mcp-deployment-specialist',
    production_deployment: 'mcp-deployment-specialist',
    database_query_optimization: 'mcp-performance-optimizer',
    redis_caching_strategy: 'mcp-performance-optimizer',
    oauth_token_performance: 'mcp-performance-optimizer',
    middleware_performance: 'mcp-performance-optimizer',
    mcp_specification_compliance: 'mcp-protocol-expert',
    json_rpc_optimization: 'mcp-protocol-expert',
    transport_layer_tuning: 'mcp-protocol-expert',
    capability_negotiation: 'mcp-protocol-expert',
  });
});

describe('delegating', () => {
  test.each([
    [{ taskType: 'azure_oauth_setup' }, 'mcp-security-auditor', 'azure_oauth_setup'],
    [{ agent: 'mcp-debugger', task: 'probe_endpoints' }, 'mcp-debugger', 'probe_endpoints'],
  ])('%j goes to %s as %s', async (request, agent, task) => {
    const { deps, sent } = engine();
    const created = await delegate({ input: {}, ...request }, caller, catalogue, deps);
    expect(created).toMatchObject({
      ok: true,
      value: { agent, task, state: 'queued', requestedBy: 'u1', tenantId: 't1' },
    });
    expect(sent).toMatchObject([
      { messageId: '0f:1', body: { targetAgent: agent, taskType: task, deadline: later(600) } },
    ]);
    expect(JSON.stringify(sent)).not.toMatch(/Bearer|"roles"/);
  });

  test.each([
    [{ taskType: 'azure_oauth_setpu' }, 'not_found', 'did you mean "azure_oauth_setup"?'],
    [{ taskType: 'zzz' }, 'not_found', 'known: azure_oauth_setup, jwt_token_validation'],
    [{ taskType: 'docker_orchestration' }, 'not_found', 'belongs to mcp-deployment-specialist'],
    [{ agent: 'mcp-debuger', task: 'x' }, 'not_found', 'did you mean "mcp-debugger"?'],
    [{ agent: 'mcp-debugger', task: 'probe_endpoint' }, 'not_found', 'did you mean "probe_endpoints"?'],
    [{ agent: 'mcp-debugger', task: 'enter' }, 'forbidden', 'step of a named plan only'],
    [{ agent: 'mcp-protocol-expert', task: 'x' }, 'not_found', 'none yet'],
    [{ ...named(), input: { url: 7 } }, 'invalid', 'see errors'],
    [{ ...named(), input: { ulr: 'x' } }, 'invalid', 'see errors'],
    [{ ...named(), input: nested(65) }, 'invalid', 'nested deeper than 64'],
    [{ ...named(), input: JSON.parse('{"__proto__":{}}') as unknown }, 'invalid', '__proto__'],
    [{ ...named(), input: { url: 'x'.repeat(200_001) } }, 'too_large', 'longer than 200000'],
    [{ ...named(), deadline: later(0) }, 'invalid', 'past'],
    [{ ...named(), deadline: later(86_401) }, 'invalid', 'more than a day'],
  ])(
    '%# is refused as %s with the words "%s", and nothing is stored or sent',
    async (request, kind, words) => {
      const { deps, sent } = engine();
      const refused = await delegate({ input: {}, ...request }, caller, catalogue, deps);
      expect(refused).toMatchObject({
        ok: false,
        error: { kind, message: expect.stringContaining(words) as string },
      });
      expect(sent).toEqual([]);
      expect((await deps.delegations.list('t1', {}, 9)).items).toEqual([]);
    },
  );

  test('names the fields of an input that is wrong by their place in the request', async () => {
    const refused = await delegate({ ...named(), input: { ulr: 'x' } }, caller, catalogue, engine().deps);
    expect(refused).toMatchObject({
      error: { errors: [{ path: 'input.ulr', message: 'there is no such field' }] },
    });
  });

  test.each([[{}], [{ agent: 'a' }], [{ taskType: 'x', agent: 'a', task: 't' }], [{ taskType: 'x', zz: 1 }]])(
    '%j is no request',
    (body) => {
      expect(delegationRequestSchema.safeParse({ input: {}, ...body }).success).toBe(false);
    },
  );

  function named() {
    return { agent: 'mcp-debugger', task: 'probe_endpoints', input: {} };
  }
  function nested(levels: number): unknown {
    return levels === 0 ? 1 : { a: nested(levels - 1) };
  }
});

describe('cancelling', () => {
  test('ends what is queued: its message finds nothing to do', async () => {
    const { deps, sent } = engine();
    await delegate({ agent: 'mcp-debugger', task: 'probe_endpoints', input: {} }, caller, catalogue, deps);
    expect(await cancelDelegation('t1', '0f', deps)).toMatchObject({
      ok: true,
      value: { state: 'cancelled' },
    });
    await runDelegation(sent[0]?.body, 'mcp-debugger', catalogue, deps);
    expect((await deps.delegations.find('t1', '0f'))?.value).toMatchObject({
      state: 'cancelled',
      attempts: 0,
    });
  });

  test('makes what a running agent comes to not count', async () => {
    const { deps, sent } = engine();
    await delegate({ agent: 'mcp-debugger', task: 'probe_endpoints', input: {} }, caller, catalogue, deps);
    const cancelling = taskCatalogue([
      {
        ...probe,
        execute: async () => (await cancelDelegation('t1', '0f', deps), { success: true, result: 1 }),
      },
    ]);
    await runDelegation(sent[0]?.body, 'mcp-debugger', cancelling, deps);
    expect((await deps.delegations.find('t1', '0f'))?.value.state).toBe('cancelled');
  });

  test('leaves what has ended as it is, and does not know the ids of other tenants', async () => {
    const { deps, sent } = engine();
    await delegate({ agent: 'mcp-debugger', task: 'probe_endpoints', input: {} }, caller, catalogue, deps);
    await runDelegation(sent[0]?.body, 'mcp-debugger', catalogue, deps);
    expect(await cancelDelegation('t1', '0f', deps)).toMatchObject({ value: { state: 'succeeded' } });
    expect(await cancelDelegation('t2', '0f', deps)).toMatchObject({ error: { kind: 'not_found' } });
  });
});

test('a nearest name is one that a slip of the pen makes, or none', () => {
  expect(nearestName('mcp-debuggre', agentNames)).toBe('mcp-debugger');
  expect(nearestName('nothing alike', agentNames)).toBeUndefined();
  expect(nearestName('', agentNames)).toBeUndefined();
});
