import { z } from 'zod';
import { GATEWAY_INFO } from '../gateway/protocol/envelope.ts';
import type { Delegation } from '../orchestration/model/delegation.ts';
import { hasEnded, type Plan, type PlanStep } from '../orchestration/model/plan.ts';
import {
  shownError,
  type Withheld,
  type WithheldOf,
  withheldSchema,
} from '../orchestration/tasks/resultAccess.ts';
import { type Component, overallStatus } from './healthReport.ts';

const severities = ['critical', 'warning', 'info'] as const;

const findingSchema = z.looseObject({
  rule: z.string(),
  severity: z.enum(severities),
  message: z.string(),
  remedy: z.string(),
});
type Finding = z.infer<typeof findingSchema>;

/** The report of a specialist; its other fields are kept. */
const reportedSchema = z.looseObject({ findings: z.array(findingSchema) });

const specialistReportSchema = z.looseObject({
  agent: z.string(),
  state: z.enum(['running', 'succeeded', 'failed']),
  error: z.object({ kind: z.string(), message: z.string() }).optional(),
  withheld: withheldSchema.optional(),
});
type SpecialistReport = z.infer<typeof specialistReportSchema>;

const recommendationSchema = z.object({
  rule: z.string(),
  severity: z.enum(severities),
  remedy: z.string(),
  reports: z.array(z.string()).describe('The reports with this finding.'),
  findings: z.number().describe('How many findings the recommendation covers.'),
});
type Recommendation = z.infer<typeof recommendationSchema>;

export const systemReportSchema = z.object({
  id: z.string(),
  status: z.enum(['running', 'complete']),
  requestedBy: z.string(),
  createdAt: z.iso.datetime(),
  generatedAt: z.iso.datetime().optional().describe('When the last specialist ended.'),
  orchestratorVersion: z.string(),
  overallSystemHealth: z
    .enum(['healthy', 'degraded', 'unhealthy'])
    .optional()
    .describe('Absent before the first report.'),
  specialistReports: z.record(z.string(), specialistReportSchema),
  recommendations: z.array(recommendationSchema).describe('The worst first; one for each rule.'),
});
type SystemReport = z.infer<typeof systemReportSchema>;

/**
 * Returns the reports of all specialists that have ended. A specialist that failed counts as a failed part, like one with a
 * critical finding. A report that is withheld from the reader is left out, and still counts for the health.
 */
export function systemReport(
  plan: Plan,
  delegations: ReadonlyMap<string, Delegation>,
  withheldOf: WithheldOf,
): SystemReport {
  const read = plan.steps.map((step) => {
    const report = readReport(step, delegations.get(step.id));
    const withheld = withheldOf(step);
    return { name: step.id, ...(withheld ? withoutContent(report, withheld) : report) };
  });
  const parts = read.flatMap(({ part }) => (part ? [{ status: part }] : []));
  const { id, requestedBy, createdAt, finishedAt } = plan;
  return {
    id,
    status: hasEnded(plan) ? 'complete' : 'running',
    requestedBy,
    createdAt,
    ...(finishedAt !== undefined && { generatedAt: finishedAt }),
    orchestratorVersion: GATEWAY_INFO.version,
    ...(parts.length > 0 && { overallSystemHealth: overallStatus(parts) }),
    specialistReports: Object.fromEntries(read.map(({ name, report }) => [name, report])),
    recommendations: recommendations(read),
  };
}

interface ReadReport {
  readonly report: SpecialistReport;
  readonly findings: readonly Finding[];
  /** The status of the part that it inspected; undefined until it has ended. */
  readonly part?: Component['status'];
}

function readReport({ agent, task, state, error }: PlanStep, delegation: Delegation | undefined): ReadReport {
  if (state === 'waiting' || state === 'queued') return { report: { agent, state: 'running' }, findings: [] };
  const said = delegation?.outcome?.success
    ? reportedSchema.safeParse(delegation.outcome.result).data
    : undefined;
  if (said)
    return {
      report: { ...said, agent, state: 'succeeded' },
      findings: said.findings,
      part: partOf(said.findings),
    };
  const why = error ?? { kind: 'internal', message: `the result of ${task} is not a report` };
  return { report: { agent, state: 'failed', error: why }, findings: [], part: 'failed' };
}

/** Returns the report without its content: its state, and the status of the part. */
function withoutContent({ report, part }: ReadReport, withheld: Withheld): ReadReport {
  const { agent, state, error } = report;
  return {
    report: { agent, state, ...(error && { error: shownError(error, withheld) }), withheld },
    findings: [],
    ...(part && { part }),
  };
}

function partOf(findings: readonly Finding[]): Component['status'] {
  const has = (wanted: Finding['severity']) => findings.some(({ severity }) => severity === wanted);
  return has('critical') ? 'failed' : has('warning') ? 'degraded' : 'healthy';
}

/** Returns what to do, the worst first. Findings of one rule share one remedy: that of the worst of them. */
function recommendations(
  read: readonly { readonly name: string; readonly findings: readonly Finding[] }[],
): Recommendation[] {
  const found = read.flatMap(({ name, findings }) => findings.map((finding) => ({ name, finding })));
  return [...Map.groupBy(found, ({ finding }) => finding.rule).entries()]
    .map(([rule, alike]): Recommendation => {
      const [worst] = alike.map(({ finding }) => finding).sort(bySeverity);
      return {
        rule,
        severity: worst?.severity ?? 'info',
        remedy: worst?.remedy ?? '',
        reports: [...new Set(alike.map(({ name }) => name))],
        findings: alike.length,
      };
    })
    .sort(bySeverity);
}

const bySeverity = (a: Pick<Finding, 'severity'>, b: Pick<Finding, 'severity'>): number =>
  severities.indexOf(a.severity) - severities.indexOf(b.severity);
