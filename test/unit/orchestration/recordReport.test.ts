import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { externalAgentsOf, withExternalAgents } from '../../../shared/orchestration/agents/externalAgents.ts';
import { delegate } from '../../../shared/orchestration/engine/delegate.ts';
import { delegationMessageSchema, messageOf } from '../../../shared/orchestration/engine/message.ts';
import {
  agentReportSchema,
  applyReport,
  recordReport,
  type Report,
} from '../../../shared/orchestration/engine/recordReport.ts';
import { type Delegation, sweep } from '../../../shared/orchestration/model/delegation.ts';
import { startPlan } from '../../../shared/orchestration/model/planProgress.ts';
import { defineTask } from '../../../shared/orchestration/tasks/task.ts';
import { taskCatalogue } from '../../../shared/orchestration/tasks/taskCatalogue.ts';
import { CLOCK_TOLERANCE_MS } from '../../../shared/platform/base/clock.ts';
import { succeed } from '../../../shared/platform/base/result.ts';
import { ConfigError } from '../../../shared/platform/config/config.ts';
import { caller, testEngine } from '../../support/engine.ts';

const now = new Date('2026-01-01T00:00:00Z');
const later = (seconds: number) => new Date(now.getTime() + seconds * 1_000);
const iso = (seconds: number) => later(seconds).toISOString();

const counted = defineTask({
  name: 'count_faults',
  agent: 'mcp-debugger',
  permissions: ['delegations.read'],
  description: '',
  timeoutMs: 1_000,
  input: z.strictObject({ url: z.string().optional() }),
  output: z.strictObject({ faults: z.number() }),
  run: () => Promise.resolve(succeed({ faults: 0 })),
});
const planOnly = defineTask({
  ...counted,
  name: 'enter',
  planOnly: true,
  run: () => Promise.resolve(succeed(0)),
});
const catalogue = withExternalAgents(
  taskCatalogue([counted, planOnly]),
  externalAgentsOf(new Set(['mcp-debugger'])),
);

const row = (changes: Partial<Delegation> = {}): Delegation => ({
  id: 'd1',
  tenantId: 't1',
  agent: 'mcp-debugger',
  task: 'explain',
  input: {},
  requestingAgent: 'mcp-orchestrator',
  traceparent: '',
  state: 'queued',
  attempt: 2,
  attempts: 0,
  sentAt: now.toISOString(),
  deadline: iso(600),
  createdAt: now.toISOString(),
  ...changes,
});
const running = (leaseSeconds: number) =>
  row({ state: 'running', attempts: 1, startedAt: iso(-1), leaseUntil: iso(leaseSeconds) });
const done = { success: true, result: 'because' } as const;
const ended = { kind: 'ended', outcome: done } as const;
const started = (leaseSeconds: number): Report => ({ kind: 'started', leaseSeconds });

function engine() {
  const lines: { event: string; fields: object }[] = [];
  const log = (event: string, fields: object) => void lines.push({ event, fields });
  const { deps: base, queue: sent } = testEngine();
  const deps = { ...base, newId: () => '0f', log: { info: log, warn: log, error: log } };
  const report = (body: object) =>
    recordReport(
      { schemaVersion: 1, delegationId: 'd1', tenantId: 't1', attempt: 1, report: ended, ...body },
      catalogue,
      deps,
    );
  const stored = async () => (await deps.delegations.find('t1', 'd1'))?.value;
  return { deps, sent, lines, report, stored };
}

describe('external agents', () => {
  test('are named in the settings, and a name that no agent has is refused without being told', () => {
    expect(externalAgentsOf(new Set())).toEqual(new Set());
    expect(externalAgentsOf(new Set(['mcp-debugger']))).toEqual(new Set(['mcp-debugger']));
    const wrong = () => externalAgentsOf(new Set(['mcp-debugger', 'canary']));
    expect(wrong).toThrow(ConfigError);
    expect(wrong).toThrow(/MREG_EXTERNAL_AGENTS(?!.*canary)/s);
  });

  const ask = (task: string, input: unknown = {}, deps = engine().deps) =>
    delegate({ agent: 'mcp-debugger', task, input }, caller, catalogue, deps);

  test('take the tasks of the catalogue, with its checks, and any other name', async () => {
    expect(await ask('count_faults', { url: 'x' })).toMatchObject({ ok: true });
    expect(await ask('count_faults', { uri: 'x' })).toMatchObject({ error: { kind: 'invalid' } });
    expect(await ask('enter')).toMatchObject({ error: { kind: 'forbidden' } });
    const { deps, sent } = engine();
    expect(await ask('explain_outage_2', { any: ['thing'] }, deps)).toMatchObject({ ok: true });
    expect(sent).toMatchObject([{ body: { taskType: 'explain_outage_2', input: { any: ['thing'] } } }]);
    for (const name of ['', 'Explain', '2nd', 'a-b', 'a b', 'x'.repeat(101)]) {
      expect(await ask(name)).toMatchObject({ error: { kind: 'not_found' } });
    }
    expect(catalogue.of('mcp-debugger')).toEqual([counted, planOnly]);
    expect(catalogue.find('mcp-protocol-expert', 'explain')).toBeUndefined();
  });

  test('are given no input that their message cannot hold', async () => {
    expect(await ask('explain', { text: 'x'.repeat(140_000) })).toMatchObject({
      error: { kind: 'too_large' },
    });
    expect(await ask('explain', { text: 'é'.repeat(70_000) })).toMatchObject({
      error: { kind: 'too_large' },
    });
    const { deps, sent } = engine();
    await ask('explain', { text: 'x'.repeat(130_000) }, deps);
    expect(delegationMessageSchema.parse(sent[0]?.body).input).toBeDefined();
  });
});

describe('a report of work that has begun', () => {
  test('claims the delegation, so that the sweeper leaves it alone for that long', () => {
    const claimed = applyReport(row(), started(120), now);
    expect(claimed).toMatchObject({ state: 'running', attempts: 1, startedAt: now.toISOString() });
    expect(sweep(claimed, later(119)).kind).toBe('leave');
    expect(sweep(claimed, later(126 + CLOCK_TOLERANCE_MS / 1_000)).kind).toBe('resend');
  });

  test('again holds it for longer, and is no further attempt', () => {
    const renewed = applyReport(running(10), started(300), now);
    expect(renewed).toEqual({ ...running(10), leaseUntil: iso(300) });
  });

  test('after the claim has ended is another attempt', () => {
    expect(applyReport(running(-1), started(60), now)).toMatchObject({ attempts: 2, startedAt: iso(-1) });
  });

  test('holds nothing beyond the deadline', () => {
    const deadline = iso(30);
    expect(applyReport({ ...running(10), deadline }, started(300), now).leaseUntil).toBe(deadline);
    expect(applyReport({ ...running(10), deadline: iso(-1) }, started(300), now)).toEqual({
      ...running(10),
      deadline: iso(-1),
    });
    expect(applyReport(row({ deadline: iso(-1) }), started(60), now)).toMatchObject({
      state: 'failed',
      outcome: { error: { kind: 'timeout' } },
    });
  });
});

describe('a report of the end', () => {
  test.each([
    ['that was claimed', running(10), { attempts: 1, startedAt: iso(-1) }],
    ['whose claim has ended', running(-1), { attempts: 1 }],
    ['that nobody has claimed', row(), { attempts: 1, startedAt: now.toISOString() }],
  ])('is the outcome of a delegation %s', (_, before, after) => {
    const finished = applyReport(before, ended, now);
    expect(finished).toMatchObject({ ...after, state: 'succeeded', outcome: done, finishedAt: iso(0) });
    expect(finished).not.toHaveProperty('leaseUntil');
  });

  test('changes nothing when there is an outcome, and neither does a late beginning', () => {
    const finished = applyReport(row(), ended, now);
    const failure = { success: false, error: { kind: 'internal', message: '' } } as const;
    expect(applyReport(finished, { kind: 'ended', outcome: failure }, later(1))).toBe(finished);
    expect(applyReport(finished, started(60), later(1))).toBe(finished);
  });
});

describe('reports on their queue', () => {
  test('are recorded once, however often they come, and a plan that had not heard is told', async () => {
    const { deps, report, stored } = engine();
    const start = { id: 'p', tenantId: 't1', name: 'n', requestedBy: 'u', traceparent: '' };
    const step = { id: 's', agent: 'mcp-debugger', task: 'explain', input: {} } as const;
    await deps.plans.add(startPlan(start, [{ ...step, dependsOn: [], onFailure: 'stop' }], now));
    await deps.delegations.add(row({ planId: 'p', stepId: 's' }));

    const broken = { ...deps, plans: { ...deps.plans, replace: () => Promise.reject(new Error('down')) } };
    const body = { schemaVersion: 1, delegationId: 'd1', tenantId: 't1', attempt: 2, report: ended };
    await expect(recordReport(body, catalogue, broken)).rejects.toThrow('down');
    expect((await deps.plans.find('t1', 'p'))?.value.state).toBe('running');

    await report({});
    const first = await stored();
    await report({ report: started(60) });
    expect(await stored()).toEqual(first);
    expect((await deps.plans.find('t1', 'p'))?.value.state).toBe('succeeded');
  });

  test.each([
    ['whose agent works in the apps', row({ agent: 'mcp-protocol-expert' }), {}],
    ['that had no such attempt', row(), { attempt: 3 }],
    ['of another tenant', row(), { tenantId: 't2' }],
    ['that there is not', row(), { delegationId: 'd2' }],
  ])('are refused and logged when they are about work %s', async (_, before, body) => {
    const { deps, report, stored, lines } = engine();
    await deps.delegations.add(before);
    await report(body);
    expect(await stored()).toEqual(before);
    expect(lines).toMatchObject([{ event: 'message_rejected', fields: { queue: 'agent-reports' } }]);
  });

  const failed = (error: object) => ({ kind: 'ended', outcome: { success: false, error } });
  test.each([
    [{ schemaVersion: 2 }],
    [{ attempt: 0 }],
    [{ delegationId: 'a/b' }],
    [{ delegationId: '😀' }],
    [{ delegationId: 'x'.repeat(10_240) }],
    [{ tenantId: '\ud83d' }],
    [{ more: 1 }],
    [{ report: { kind: 'paused' } }],
    [{ report: { kind: 'started' } }],
    [{ report: started(0) }],
    [{ report: started(3_601) }],
    [{ report: started(1.5) }],
    [{ report: { ...ended, more: 1 } }],
    [{ report: { kind: 'ended', outcome: { success: 'true', result: 1 } } }],
    [{ report: failed({ kind: 'sad', message: '' }) }],
    [{ report: failed({ kind: 'internal' }) }],
    [{ report: failed({ kind: 'internal', message: '', stack: '' }) }],
  ])('%j is no report: it is thrown back, to be dead-lettered', async (body) => {
    const { report, lines } = engine();
    await expect(report(body)).rejects.toThrow('is not a report');
    expect(lines).toMatchObject([{ event: 'message_rejected' }]);
  });

  const outcomeAfter = async (outcome: object, before = row()) => {
    const { deps, report, stored } = engine();
    await deps.delegations.add(before);
    await report({ report: { kind: 'ended', outcome } });
    return (await stored())?.outcome;
  };

  test('a result is bounded, and is what its task promises', async () => {
    expect(await outcomeAfter({ success: true })).toEqual({ success: true, result: null });
    expect(
      await outcomeAfter({ success: true, result: randomBytes(1_500_000).toString('base64') }),
    ).toMatchObject({
      error: { kind: 'too_large' },
    });
    const deep = JSON.parse(`${'['.repeat(300)}${']'.repeat(300)}`) as unknown;
    expect(await outcomeAfter({ success: true, result: deep })).toMatchObject({ error: { kind: 'invalid' } });
    const promised = row({ task: 'count_faults' });
    expect(await outcomeAfter({ success: true, result: { faults: 2 } }, promised)).toEqual({
      success: true,
      result: { faults: 2 },
    });
    expect(await outcomeAfter({ success: true, result: 'two' }, promised)).toMatchObject({
      error: { kind: 'invalid', message: expect.stringContaining('result of count_faults') as string },
    });
  });

  test('the words of an error are bounded', async () => {
    const message = 'x'.repeat(100_000);
    expect(await outcomeAfter({ success: false, error: { kind: 'unavailable', message } })).toEqual({
      success: false,
      error: { kind: 'unavailable', message: 'x'.repeat(2_000) },
    });
  });
});

test('the ids of a message are those that its reports need', () => {
  const { delegationId, tenantId, attempt } = messageOf(row());
  const report = { schemaVersion: 1, delegationId, tenantId, attempt, report: ended };
  expect(agentReportSchema.safeParse(report).success).toBe(true);
});
