import { describe, expect, test } from 'vitest';
import type { AuditRecord } from '../../../../shared/audit/model/record.ts';
import { type Delegation, newDelegation } from '../../../../shared/orchestration/model/delegation.ts';
import { startPlan } from '../../../../shared/orchestration/model/planProgress.ts';
import { timelineOf } from '../../../../shared/specialists/mcp-debugger/followTrace.ts';
import { judgeTrace } from '../../../../shared/specialists/mcp-debugger/judgeTrace.ts';
import type { TraceContent } from '../../../../shared/specialists/mcp-debugger/readTrace.ts';

const begun = new Date('2026-01-01T00:00:00.000Z');
const after = (seconds: number) => new Date(begun.getTime() + seconds * 1_000);
const traceparent = `00-${'a'.repeat(32)}-${'1'.repeat(16)}-01`;

const row = (more: Partial<Delegation> = {}): Delegation => ({
  ...newDelegation(
    {
      id: 'd1',
      tenantId: 't1',
      agent: 'fastmcp-specialist',
      task: 'probe',
      input: {},
      traceparent,
      deadline: after(600).toISOString(),
    },
    begun,
  ),
  ...more,
});
const record = (more: Partial<AuditRecord>): AuditRecord => ({
  id: 'c-0',
  at: begun.toISOString(),
  tenantId: 't1',
  actor: 'u1',
  action: 'tools/call',
  resource: 'servers/a/tools/b',
  decision: 'allowed',
  outcome: 'succeeded',
  durationMs: 5,
  traceId: 'a'.repeat(32),
  chain: 'c',
  seq: 0,
  previous: '',
  hash: '',
  ...more,
});
const gathered = (more: Partial<TraceContent>): TraceContent => ({
  delegations: [],
  plans: [],
  records: [],
  sessions: new Map(),
  unread: [],
  ...more,
});
const rules = (what: Partial<TraceContent>, seconds: number) =>
  judgeTrace(gathered(what), after(seconds), 'own').map(({ rule, severity }) => `${rule}:${severity}`);

const done: Partial<Delegation> = {
  state: 'succeeded',
  attempts: 1,
  startedAt: after(1).toISOString(),
  finishedAt: after(2).toISOString(),
  outcome: { success: true, result: {} },
};
const failed = (kind: 'timeout' | 'cancelled' | 'unavailable'): Partial<Delegation> => ({
  ...done,
  state: 'failed',
  outcome: { success: false, error: { kind, message: 'said so' } },
});

describe('a delegation', () => {
  test.each<[string, Partial<Delegation>, number, readonly string[]]>([
    ['that succeeded has no finding', done, 900, []],
    ['that was just sent has no finding', {}, 5, []],
    ['that no agent takes hangs', {}, 30, ['delegation_not_taken:critical']],
    [
      'that waits for its retry is reported as repeated',
      { attempts: 2, attempt: 3, sentAt: after(40).toISOString() },
      30,
      ['delegation_repeated:warning'],
    ],
    [
      'that runs under a lease is an info',
      { state: 'running', attempts: 1, leaseUntil: after(60).toISOString() },
      30,
      ['delegation_running:info'],
    ],
    [
      'whose lease ended is abandoned',
      { state: 'running', attempts: 1, leaseUntil: after(20).toISOString() },
      30,
      ['delegation_abandoned:critical'],
    ],
    [
      'that failed is named as the end of the trace',
      failed('unavailable'),
      30,
      ['delegation_failed:critical'],
    ],
    ['that was cancelled is an info', failed('cancelled'), 30, ['delegation_failed:info']],
  ])('%s', (_, more, seconds, expected) => {
    expect(rules({ delegations: [row(more)] }, seconds)).toEqual(expected);
  });

  test('that asks for the report does not count as hanging', () => {
    expect(rules({ delegations: [row({ id: 'own' })] }, 30)).toEqual([]);
  });
});

describe('a plan', () => {
  const steps = [
    { id: 'a', agent: 'fastmcp-specialist' as const, task: 'probe', input: {} },
    { id: 'b', agent: 'mcp-debugger' as const, task: 'probe', input: {}, dependsOn: ['a'] },
  ];
  const plan = startPlan(
    { id: 'p1', tenantId: 't1', name: 'ad_hoc', requestedBy: 'u1', traceparent },
    steps,
    begun,
  );

  test('with a queued step has no finding', () => {
    expect(rules({ plans: [plan] }, 300)).toEqual([]);
  });

  test('that has not ended and has no queued step is stuck', () => {
    const stuck = { ...plan, steps: plan.steps.map((step) => ({ ...step, state: 'waiting' as const })) };
    expect(rules({ plans: [stuck] }, 300)).toEqual(['plan_stuck:critical']);
  });

  test('that failed names the step', () => {
    const error = { kind: 'unavailable' as const, message: 'said so' };
    const [first] = plan.steps;
    if (!first) throw new Error('there is no step');
    const over = {
      ...plan,
      state: 'failed' as const,
      steps: [{ ...first, state: 'failed' as const, error }],
    };
    const [finding] = judgeTrace(gathered({ plans: [over] }), after(300), 'own');
    expect(finding).toMatchObject({ rule: 'plan_failed', evidence: { step: 'a', kind: 'unavailable' } });
  });
});

describe('an audit record', () => {
  test.each<[string, readonly Partial<AuditRecord>[], readonly string[]]>([
    ['of a call that succeeded has no finding', [{}], []],
    [
      'of a refusal is named as the end of the trace',
      [{ decision: 'refused', outcome: 'forbidden' }],
      ['request_refused:critical'],
    ],
    ['of a call that a server failed names it', [{ outcome: 'timeout' }], ['call_failed:critical']],
    [
      'of an error that the server returned is a warning',
      [{ outcome: 'tool_error' }],
      ['call_failed:warning'],
    ],
    [
      'of an act that began and never ended is reported as lost',
      [{ outcome: 'begun' }],
      ['act_not_ended:critical'],
    ],
    ['of an act that has ended has no finding', [{ outcome: 'begun' }, { id: 'c-1', begunBy: 'c-0' }], []],
    [
      'of a delegation has no finding, since its row has one',
      [{ action: 'delegations.run', outcome: 'timeout' }],
      [],
    ],
  ])('%s', (_, records, expected) => {
    expect(rules({ records: records.map(record) }, 600)).toEqual(expected);
  });
});

test('unread parts and the end of the search are findings', () => {
  expect(rules({ unread: [{ part: 'audit', why: 'no answer' }], cutAt: begun.toISOString() }, 1)).toEqual([
    'part_unread:warning',
    'search_cut:info',
  ]);
});

test('the timeline is in order of time, with the waiting and running time of each delegation', () => {
  const story = timelineOf(
    gathered({
      delegations: [row({ ...done, startedAt: after(3).toISOString(), finishedAt: after(7).toISOString() })],
      records: [record({ at: after(5).toISOString() })],
    }),
  );
  expect(story.map(({ what, durationMs }) => [what, durationMs])).toEqual([
    ['probe is queued for fastmcp-specialist', undefined],
    ['probe is taken by fastmcp-specialist', 3_000],
    ['tools/call on servers/a/tools/b is allowed', 5],
    ['probe of fastmcp-specialist ends', 4_000],
  ]);
});
