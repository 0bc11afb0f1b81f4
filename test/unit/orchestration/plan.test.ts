import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../../shared/orchestration/model/delegation.ts';
import { hasEnded, type Plan, type StepDefinition } from '../../../shared/orchestration/model/plan.ts';
import {
  cancel,
  planError,
  queuedWork,
  recordOutcome,
  startPlan,
} from '../../../shared/orchestration/model/planProgress.ts';

const now = new Date('2026-01-01T00:00:00Z');
const start = { id: 'p', tenantId: 't', name: 'test', requestedBy: 'u', traceparent: '' };
const success: Outcome = { success: true, result: { answer: 42 } };
const failure: Outcome = { success: false, error: { kind: 'unavailable', message: 'down' } };
const verdict: Outcome = { success: true, result: { passed: false, error: 'too slow' } };

const step = (id: string, dependsOn: string[] = [], more: Partial<StepDefinition> = {}): StepDefinition => ({
  id,
  agent: 'mcp-debugger',
  task: id,
  input: {},
  dependsOn,
  ...more,
});
const undo = { compensation: { agent: 'mcp-debugger', task: 'undo', input: {} } } as const;
const stateOf = (plan: Plan, id: string) => plan.steps.find((found) => found.id === id)?.state;
const queued = (plan: Plan) => queuedWork(plan).map(({ id }) => id);
const after = (plan: Plan, ...outcomes: [string, Outcome][]) =>
  outcomes.reduce((reached, [id, outcome]) => recordOutcome(reached, id, outcome, now), plan);

describe('a plan', () => {
  test('queues at once what depends on nothing, and the rest when what it needs has ended', () => {
    const plan = startPlan(start, [step('a'), step('b'), step('c', ['a', 'b'])], now);
    expect(queued(plan)).toEqual(['a', 'b']);
    expect(stateOf(after(plan, ['a', success]), 'c')).toBe('waiting');
    expect(stateOf(after(plan, ['a', success], ['b', success]), 'c')).toBe('queued');
  });

  test('begins nothing more once a critical step has failed, lets what runs end, and fails', () => {
    const plan = startPlan(start, [step('a'), step('b'), step('c', ['b']), step('d', ['a'])], now);
    const failed = after(plan, ['a', failure]);
    expect([stateOf(failed, 'd'), stateOf(failed, 'c'), failed.state]).toEqual([
      'skipped',
      'skipped',
      'running',
    ]);
    expect(after(failed, ['b', success]).state).toBe('failed');
    expect(planError(failed)).toMatchObject({ step: 'a', message: 'down' });
  });

  test('lets those run that are to see a critical failure, and fails all the same', () => {
    const plan = startPlan(start, [step('a', [], { onFailure: 'continue' }), step('b', ['a'])], now);
    const failed = after(plan, ['a', failure]);
    expect(queued(failed)).toEqual(['b']);
    expect(after(failed, ['b', success]).state).toBe('failed');
  });

  test.each([
    ['stop', 'skipped'],
    ['continue', 'succeeded'],
  ] as const)('succeeds in spite of a warning; with %s what needs it is %s', (onFailure, state) => {
    const steps = [step('a', [], { severity: 'warning', onFailure }), step('b', ['a']), step('c')];
    const ended = after(startPlan(start, steps, now), ['a', failure], ['c', success], ['b', success]);
    expect([ended.state, stateOf(ended, 'a'), stateOf(ended, 'b')]).toEqual(['succeeded', 'failed', state]);
  });

  test('takes a verdict that did not pass for a failure, with the words of the check', () => {
    const failed = after(startPlan(start, [step('a')], now), ['a', verdict]);
    expect(failed).toMatchObject({
      state: 'failed',
      steps: [{ error: { kind: 'not_passed', message: 'too slow' } }],
    });
  });

  test('stays as it is when an outcome comes twice, late or for a step that waits', () => {
    const plan = startPlan(start, [step('a'), step('b', ['a'])], now);
    expect(after(plan, ['b', success])).toBe(plan);
    expect(after(plan, ['a-undo', success])).toBe(plan);
    const ran = after(plan, ['a', success]);
    expect(after(ran, ['a', failure])).toBe(ran);
  });
});

describe('compensation', () => {
  test('undoes what succeeded, one after another, the last that ended first', () => {
    const steps = [step('a', [], undo), step('b', ['a'], undo), step('c', ['b'], undo), step('d', ['b'])];
    let plan = after(startPlan(start, steps, now), ['a', success], ['b', success], ['d', failure]);
    expect([plan.state, queued(plan)]).toEqual(['running', ['c']]);
    plan = after(plan, ['c', success]);
    expect([plan.state, queued(plan)]).toEqual(['compensating', ['c-undo']]);
    plan = after(plan, ['c-undo', success]);
    expect(queued(plan)).toEqual(['b-undo']);
    plan = after(plan, ['b-undo', failure]);
    expect(queued(plan)).toEqual(['a-undo']);
    plan = after(plan, ['a-undo', success]);
    expect([plan.state, ...['a', 'b', 'c'].map((id) => stateOf(plan, id))]).toEqual([
      'failed',
      'compensated',
      'succeeded',
      'compensated',
    ]);
    expect(plan.steps[1]?.compensation).toMatchObject({ state: 'failed', error: { message: 'down' } });
  });

  test('leaves alone what failed, what was skipped and what has nothing to undo', () => {
    const steps = [step('a'), step('b', ['a'], undo), step('c', ['b'], undo)];
    const plan = after(startPlan(start, steps, now), ['a', success], ['b', failure]);
    expect([plan.state, plan.steps[1]?.compensation?.state]).toEqual(['failed', 'waiting']);
  });
});

describe('cancelling', () => {
  test('begins nothing more, waits for what runs, undoes what succeeded, and the plan is cancelled', () => {
    const steps = [step('a', [], undo), step('b', ['a']), step('c', ['b'])];
    const cancelled = cancel(after(startPlan(start, steps, now), ['a', success]), now);
    expect([cancelled.state, stateOf(cancelled, 'c'), queued(cancelled)]).toEqual([
      'running',
      'skipped',
      ['b'],
    ]);
    const ended = after(cancelled, ['b', success], ['a-undo', success]);
    expect([ended.state, stateOf(ended, 'a')]).toEqual(['cancelled', 'compensated']);
  });

  test('leaves a plan alone that is compensating or has ended', () => {
    const failed = after(
      startPlan(start, [step('a', [], undo), step('b', ['a'])], now),
      ['a', success],
      ['b', failure],
    );
    expect(cancel(failed, now)).toBe(failed);
    const ended = after(failed, ['a-undo', success]);
    expect(cancel(ended, now)).toBe(ended);
  });
});

test('whatever fails, comes twice or in another order, a plan ends; no step runs before those it needs, and none twice', () => {
  const graph = fc.array(
    fc.record({
      needs: fc.array(fc.nat(9), { maxLength: 3 }),
      severity: fc.constantFrom('critical' as const, 'warning' as const),
      onFailure: fc.constantFrom('stop' as const, 'continue' as const),
      undoes: fc.boolean(),
      outcome: fc.constantFrom(success, failure, verdict),
      undoFails: fc.boolean(),
    }),
    { minLength: 1, maxLength: 10 },
  );
  fc.assert(
    fc.property(graph, fc.option(fc.nat(12)), fc.infiniteStream(fc.nat()), (nodes, cancelAfter, choices) => {
      // Only earlier steps can be needed, which makes every graph acyclic.
      const steps = nodes.map(({ needs, severity, onFailure, undoes }, index) =>
        step(String(index), [...new Set(needs.filter((need) => need < index))].map(String), {
          severity,
          onFailure,
          ...(undoes && undo),
        }),
      );
      const any = (of: readonly string[]) => of[(choices.next().value ?? 0) % of.length] ?? '';
      const outcomeOf = (id: string) => {
        const node = nodes[Number.parseInt(id, 10)];
        return id.endsWith('-undo') ? (node?.undoFails ? failure : success) : (node?.outcome ?? success);
      };
      let plan = startPlan(start, steps, now);
      const ran: string[] = [];
      for (let turn = 0; !hasEnded(plan); turn++) {
        if (turn === cancelAfter) plan = cancel(plan, now);
        if (hasEnded(plan)) break;
        const id = any(queued(plan));
        if (id === '') throw new Error('a plan that goes on has nothing queued');
        if (!id.endsWith('-undo')) {
          expect(steps[Number(id)]?.dependsOn?.every((needed) => ran.includes(needed))).toBe(true);
        }
        ran.push(id);
        plan = recordOutcome(plan, id, outcomeOf(id), now);
        const again = any(ran);
        expect(recordOutcome(plan, again, outcomeOf(again), now)).toBe(plan);
      }
      expect(new Set(ran).size).toBe(ran.length);
      expect(plan.steps.some(({ state }) => state === 'waiting' || state === 'queued')).toBe(false);
      const undone = ran.filter((id) => id.endsWith('-undo')).map((id) => id.slice(0, -5));
      const succeeded = ran.filter((id) => !id.endsWith('-undo') && outcomeOf(id) === success);
      const due = succeeded.filter((id) => nodes[Number(id)]?.undoes).reverse();
      expect(undone).toEqual(plan.state === 'succeeded' ? [] : due);
    }),
    { numRuns: 500 },
  );
});
