import { describe, expect, test } from 'vitest';
import { systemReport, systemReportSchema } from '../../../shared/health/systemReport.ts';
import { newDelegation, type Outcome } from '../../../shared/orchestration/model/delegation.ts';
import { recordOutcome, startPlan } from '../../../shared/orchestration/model/planProgress.ts';
import { REPORT_PLAN, systemReportPlan } from '../../../shared/orchestration/plans/systemReport.ts';
import type { WithheldOf } from '../../../shared/orchestration/tasks/resultAccess.ts';

const at = new Date('2026-01-01T00:00:00.000Z');
const { steps } = systemReportPlan;
const finding = (rule: string, severity: string, remedy = `mend ${rule}`) => ({
  rule,
  severity,
  message: '',
  evidence: {},
  remedy,
});
const says = (...findings: object[]): Outcome => ({
  success: true,
  result: { summary: 'As it is.', facts: { a: 1 }, findings },
});

/** The report once these steps have ended so. */
function reported(outcomes: Record<string, Outcome>, withheldOf: WithheldOf = () => undefined) {
  const start = { id: 'p', tenantId: 't1', name: REPORT_PLAN, requestedBy: 'u1', traceparent: '' };
  let plan = startPlan(start, steps, at);
  const delegations = new Map();
  for (const [id, outcome] of Object.entries(outcomes)) {
    plan = recordOutcome(plan, id, outcome, at);
    const work = {
      id,
      tenantId: 't1',
      agent: 'mcp-debugger',
      task: 't',
      input: {},
      traceparent: '',
    } as const;
    delegations.set(id, { ...newDelegation({ ...work, deadline: '' }, at), outcome });
  }
  return systemReport(plan, delegations, withheldOf);
}
const all = (outcome: Outcome) => Object.fromEntries(steps.map(({ id }) => [id, outcome]));

describe('the report of the system', () => {
  test('holds the report of each specialist, and fits its schema', () => {
    const report = reported(all(says()));
    expect(systemReportSchema.parse(report)).toEqual(report);
    expect(report).toMatchObject({
      status: 'complete',
      generatedAt: at.toISOString(),
      overallSystemHealth: 'healthy',
      recommendations: [],
      specialistReports: {
        security_status: { agent: 'mcp-security-auditor', state: 'succeeded', facts: { a: 1 } },
      },
    });
    expect(Object.keys(report.specialistReports)).toEqual(steps.map(({ id }) => id));
  });

  test.each([
    ['info', 'healthy'],
    ['warning', 'degraded'],
    ['critical', 'unhealthy'],
  ])('with a finding that is %s is %s', (severity, overallSystemHealth) => {
    expect(reported({ ...all(says()), system_health: says(finding('a', severity)) })).toMatchObject({
      overallSystemHealth,
    });
  });

  test.each([
    ['that failed', { success: false, error: { kind: 'timeout', message: 'too late' } }, 'too late'],
    ['whose result is not a report', { success: true, result: 'fine' }, 'is not a report'],
  ] as const)('with a specialist %s is unhealthy, and says why', (_, outcome, words) => {
    const { overallSystemHealth, specialistReports } = reported({ ...all(says()), system_health: outcome });
    expect(overallSystemHealth).toBe('unhealthy');
    expect(specialistReports['system_health']).toMatchObject({
      state: 'failed',
      error: { message: expect.stringContaining(words) as string },
    });
  });

  test('holds the reports of those that have ended while others run', () => {
    expect(reported({})).not.toHaveProperty('overallSystemHealth');
    const report = reported({ security_status: says(finding('a', 'warning')) });
    expect(report).toMatchObject({
      status: 'running',
      overallSystemHealth: 'degraded',
      specialistReports: { system_health: { state: 'running' } },
    });
    expect(report).not.toHaveProperty('generatedAt');
  });
});

test('a withheld report is left out with its recommendations, and counts for the health', () => {
  const report = reported(
    { ...all(says(finding('mine', 'info'))), security_status: says(finding('secret', 'critical')) },
    ({ task }) => (task === 'generate_security_report' ? { permissions: ['audit.read'] } : undefined),
  );
  expect(systemReportSchema.parse(report)).toMatchObject({
    overallSystemHealth: 'unhealthy',
    specialistReports: { system_health: { state: 'succeeded', facts: { a: 1 } } },
    recommendations: [{ rule: 'mine', findings: 4 }],
  });
  expect(report.specialistReports['security_status']).toEqual({
    agent: 'mcp-security-auditor',
    state: 'succeeded',
    withheld: { permissions: ['audit.read'] },
  });
});

test('recommendations are the remedies of the findings, the worst first, one for each rule', () => {
  const { recommendations } = reported({
    ...all(says()),
    security_status: says(finding('slow', 'info', 'wait'), finding('open', 'warning')),
    system_health: says(finding('slow', 'critical', 'add an index'), finding('old', 'info')),
  });
  expect(recommendations).toEqual([
    {
      rule: 'slow',
      about: 'gateway',
      severity: 'critical',
      remedy: 'add an index',
      reports: ['security_status', 'system_health'],
      findings: 2,
    },
    {
      rule: 'open',
      about: 'gateway',
      severity: 'warning',
      remedy: 'mend open',
      reports: ['security_status'],
      findings: 1,
    },
    {
      rule: 'old',
      about: 'gateway',
      severity: 'info',
      remedy: 'mend old',
      reports: ['system_health'],
      findings: 1,
    },
  ]);
});

describe('findings about registered servers', () => {
  const about = (severity: string, evidence: object) => ({ ...finding('a', severity), evidence });

  test.each([
    ['one server', { server: 'stock' }, ['stock']],
    ['several servers', { servers: ['stock', 'mail'], count: 2 }, ['mail', 'stock']],
  ])('of %s are in a part of their own, and the gateway stays healthy', (_, evidence, affected) => {
    const found = says(about('critical', evidence));
    const report = reported({ ...all(says()), protocol_compliance: found });
    expect(report).toMatchObject({
      overallSystemHealth: 'healthy',
      servers: { status: 'unhealthy', affected },
      recommendations: [{ rule: 'a', about: 'servers' }],
    });
    expect(systemReportSchema.parse(report)).toEqual(report);
  });

  test('do not hide a finding about the gateway', () => {
    const found = says(about('critical', { server: 'stock' }), finding('b', 'warning'));
    expect(reported({ ...all(says()), protocol_compliance: found })).toMatchObject({
      overallSystemHealth: 'degraded',
      recommendations: [{ about: 'servers' }, { rule: 'b', about: 'gateway' }],
    });
  });

  test('that are only good to know affect no server', () => {
    const found = says(about('info', { server: 'stock' }));
    expect(reported({ ...all(says()), protocol_compliance: found })).toMatchObject({
      servers: { status: 'healthy', affected: [] },
    });
  });
});
