import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../../shared/orchestration/delegation/outcome.ts';
import {
  type Plan,
  type PlanStepDefinition,
  queuedSteps,
  recordOutcome,
  startPlan,
} from '../../../shared/orchestration/plan/plan.ts';
import { resolveReferences } from '../../../shared/orchestration/plan/references.ts';

const now = new Date('2026-01-01T00:00:00Z');
const start = { id: 'p', tenantId: 't', name: 'test', requestedBy: 'u', traceparent: '' };
const success: Outcome = { success: true, result: { answer: 42 } };
const failure: Outcome = { success: false, error: { kind: 'unavailable', message: 'down' } };

const step = (
  id: string,
  dependsOn: string[] = [],
  more: Partial<PlanStepDefinition> = {},
): PlanStepDefinition => ({
  id,
  agent: 'mcp-debugger',
  task: id,
  input: {},
  dependsOn,
  onFailure: 'stop',
  ...more,
});
const stateOf = (plan: Plan, id: string) => plan.steps.find((found) => found.id === id)?.state;

describe('a plan', () => {
  test('queues at once what depends on nothing, and the rest when what it needs has ended', () => {
    const plan = startPlan(start, [step('a'), step('b'), step('c', ['a', 'b'])], now);
    expect(queuedSteps(plan).map(({ id }) => id)).toEqual(['a', 'b']);
    const afterA = recordOutcome(plan, 'a', success, now);
    expect(stateOf(afterA, 'c')).toBe('waiting');
    expect(stateOf(recordOutcome(afterA, 'b', success, now), 'c')).toBe('queued');
  });

  test('skips all that needs a step that failed, and fails', () => {
    const plan = recordOutcome(
      startPlan(start, [step('a'), step('b', ['a']), step('c', ['b'])], now),
      'a',
      failure,
      now,
    );
    expect([stateOf(plan, 'b'), stateOf(plan, 'c'), plan.state]).toEqual(['skipped', 'skipped', 'failed']);
  });

  test('lets those run that are to see a failure, and fails all the same', () => {
    const steps = [step('a', [], { onFailure: 'continue' }), step('b', ['a'])];
    const plan = recordOutcome(startPlan(start, steps, now), 'a', failure, now);
    expect(queuedSteps(plan).map(({ id }) => id)).toEqual(['b']);
    expect(recordOutcome(plan, 'b', success, now).state).toBe('failed');
  });

  test('stays as it is when an outcome comes twice or for a step that waits', () => {
    const plan = startPlan(start, [step('a'), step('b', ['a'])], now);
    expect(recordOutcome(plan, 'b', success, now)).toBe(plan);
    const after = recordOutcome(plan, 'a', success, now);
    expect(recordOutcome(after, 'a', failure, now)).toBe(after);
  });

  test('always ends, runs no step before its dependencies, and each step at most once', () => {
    const graph = fc.array(
      fc.record({
        needs: fc.array(fc.nat(9), { maxLength: 3 }),
        continues: fc.boolean(),
        fails: fc.boolean(),
      }),
      {
        minLength: 1,
        maxLength: 10,
      },
    );
    fc.assert(
      fc.property(graph, fc.infiniteStream(fc.nat()), (nodes, choices) => {
        // Only earlier steps can be needed, which makes every graph acyclic.
        const steps = nodes.map(({ needs, continues }, index) =>
          step(String(index), [...new Set(needs.filter((need) => need < index))].map(String), {
            onFailure: continues ? 'continue' : 'stop',
          }),
        );
        let plan = startPlan(start, steps, now);
        const ran: string[] = [];
        while (plan.state === 'running') {
          const queued = queuedSteps(plan);
          const next = queued[(choices.next().value ?? 0) % queued.length];
          if (!next) throw new Error('a running plan has nothing queued');
          expect(next.dependsOn.every((id) => ran.includes(id))).toBe(true);
          ran.push(next.id);
          plan = recordOutcome(plan, next.id, nodes[Number(next.id)]?.fails ? failure : success, now);
        }
        expect(new Set(ran).size).toBe(ran.length);
        expect(plan.steps.every(({ state }) => state !== 'waiting' && state !== 'queued')).toBe(true);
      }),
    );
  });
});

describe('references', () => {
  const outcomeOf = (id: string) => ({ a: success, b: failure })[id];

  test('are replaced by outcomes wherever they stand, and all else stays', () => {
    const input = { x: [{ $outcomeOf: 'a' }, 1], y: { z: { $outcomeOf: 'b' } }, w: null, v: 'text' };
    expect(resolveReferences(input, outcomeOf)).toEqual({
      x: [success, 1],
      y: { z: failure },
      w: null,
      v: 'text',
    });
  });

  test('to a step without an outcome leave nothing in their place', () => {
    expect(resolveReferences({ x: { $outcomeOf: 'c' } }, outcomeOf)).toEqual({ x: undefined });
  });
});
