import { describe, expect, test } from 'vitest';
import {
  claim,
  newDelegation,
  sweep,
  timeLeftMs,
} from '../../../shared/orchestration/model/delegation.ts';
import { registerServer } from '../../../shared/orchestration/plans/registerServer.ts';
import { runDelegation } from '../../../shared/orchestration/engine/runDelegation.ts';
import { type Instance, readInstances, tellInstance } from '../../../shared/platform/telemetry/instances.ts';
import { caller } from '../../support/engine.ts';
import { memoryState } from '../../support/memoryState.ts';
import { testRegistry } from '../../support/registrations.ts';

const OFF_MS = 50_000;
const begin = Date.UTC(2026, 0, 1);
const at = (ms: number) => new Date(begin + ms);
const work = {
  id: 'd',
  tenantId: 't1',
  agent: 'mcp-debugger',
  task: 'probe',
  input: {},
  traceparent: '',
  deadline: at(3_000).toISOString(),
} as const;

describe.each([
  ['ahead', OFF_MS],
  ['behind', -OFF_MS],
])('an agent whose clock is 50 s %s', (_, offMs) => {
  test('does work of a short deadline, and has the whole time of it', () => {
    const row = newDelegation(work, at(0));
    const decision = claim(row, at(offMs), 20_000);
    expect(decision.kind).toBe('claimed');
    expect(timeLeftMs(row, at(offMs))).toBe(3_000);
  });

  test('is left alone by the sweeper until its lease has ended', () => {
    const claimed = claim(
      newDelegation({ ...work, deadline: at(600_000).toISOString() }, at(0)),
      at(0),
      90_000,
    );
    if (claimed.kind !== 'claimed') throw new Error('not claimed');
    expect(sweep(claimed.delegation, at(94_000 + offMs)).kind).toBe('leave');
  });

  test('carries a registration through whose caller has signed in for half a minute more', async () => {
    const run = testRegistry();
    const expiresAt = run.deps.clock.now().getTime() + 30_000;
    const brief = { ...caller, principal: { ...caller.principal, expiresAt } };
    await registerServer({ slug: 'inventory', url: 'https://mcp.example.com/mcp' }, brief, run.deps);
    const now = () => new Date(run.deps.clock.now().getTime() + offMs);
    while (run.queue.length > 0)
      for (const { agent, body } of run.queue.splice(0)) {
        const isMcps = agent === 'mcp-security-auditor' || agent === 'fastmcp-specialist';
        await runDelegation(body, agent, run.tasks, isMcps ? { ...run.deps, clock: { now } } : run.deps);
      }
    expect((await run.deps.servers.find('t1', 'inventory'))?.value.status).toBe('active');
  });

  test('is seen as one that is there', async () => {
    const state = memoryState({ now: () => at(0) });
    const silentMs = 60_000;
    const instance: Instance = {
      app: 'mcp',
      version: '1',
      build: 'b',
      node: '24',
      host: 'local',
      startedAt: at(offMs).toISOString(),
      seenAt: at(offMs - silentMs).toISOString(),
      settings: {},
      keyId: '',
      unknownSettings: [],
      developmentOnly: [],
    };
    await tellInstance(state, 'a', instance);
    expect((await readInstances(state, 'mcp', { now: () => at(0) })).current).toHaveLength(1);
  });
});
