import * as z from 'zod';
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
  evidence: z.record(z.string(), z.unknown()).default({}),
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
  about: z
    .enum(['gateway', 'servers'])
    .describe('Who can act on it: the operator, or the owner of a server.'),
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
    .describe('Of the gateway, without its servers. Absent before the first report.'),
  servers: z
    .object({
      status: z.enum(['healthy', 'degraded', 'unhealthy']),
      affected: z.array(z.string()).describe('Slugs of servers with a warning or a critical finding.'),
    })
    .optional()
    .describe('The registered servers. Absent before the first report.'),
  specialistReports: z.record(z.string(), specialistReportSchema),
  recommendations: z.array(recommendationSchema).describe('The worst first; one for each rule.'),
});
type SystemReport = z.infer<typeof systemReportSchema>;

/**
 * Returns the reports of all specialists that have ended. A specialist that failed counts as a failed part of the gateway, like
 * one with a critical finding about it. Findings about registered servers count for the servers only. A report that is withheld
 * from the reader is left out, and still counts for the health.
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
  const parts = read.flatMap(({ parts: own }) => (own ? [own] : []));
  const { id, requestedBy, createdAt, finishedAt } = plan;
  return {
    id,
    status: hasEnded(plan) ? 'complete' : 'running',
    requestedBy,
    createdAt,
    ...(finishedAt !== undefined && { generatedAt: finishedAt }),
    orchestratorVersion: GATEWAY_INFO.version,
    ...(parts.length > 0 && {
      overallSystemHealth: overallStatus(parts.map(({ gateway: status }) => ({ status }))),
      servers: {
        status: overallStatus(parts.map(({ servers: status }) => ({ status }))),
        affected: affectedServers(read.flatMap(({ findings }) => findings)),
      },
    }),
    specialistReports: Object.fromEntries(read.map(({ name, report }) => [name, report])),
    recommendations: recommendations(read),
  };
}

interface ReadReport {
  readonly report: SpecialistReport;
  readonly findings: readonly Finding[];
  /** The status of what it inspected; undefined until it has ended. */
  readonly parts?: Readonly<Record<'gateway' | 'servers', Component['status']>>;
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
      parts: partsOf(said.findings),
    };
  const why = error ?? { kind: 'internal', message: `the result of ${task} is not a report` };
  return {
    report: { agent, state: 'failed', error: why },
    findings: [],
    parts: { gateway: 'failed', servers: 'healthy' },
  };
}

/** Returns the report without its content: its state, and the status of what it inspected. */
function withoutContent({ report, parts }: ReadReport, withheld: Withheld): ReadReport {
  const { agent, state, error } = report;
  return {
    report: { agent, state, ...(error && { error: shownError(error, withheld) }), withheld },
    findings: [],
    ...(parts && { parts }),
  };
}

/** Whether a finding is about registered servers, which its evidence names, and not about the gateway. */
const isAboutServers = ({ evidence }: Finding): boolean => 'server' in evidence || 'servers' in evidence;

const partsOf = (findings: readonly Finding[]): NonNullable<ReadReport['parts']> => ({
  gateway: partOf(findings.filter((finding) => !isAboutServers(finding))),
  servers: partOf(findings.filter(isAboutServers)),
});

const namesSchema = z.array(z.string()).catch([]);

function affectedServers(findings: readonly Finding[]): string[] {
  const names = findings
    .filter((finding) => finding.severity !== 'info' && isAboutServers(finding))
    .flatMap(({ evidence: { server, servers } }) =>
      typeof server === 'string' ? [server] : namesSchema.parse(servers),
    );
  return [...new Set(names)].sort();
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
        about: worst && isAboutServers(worst) ? 'servers' : 'gateway',
        remedy: worst?.remedy ?? '',
        reports: [...new Set(alike.map(({ name }) => name))],
        findings: alike.length,
      };
    })
    .sort(bySeverity);
}

const bySeverity = (a: Pick<Finding, 'severity'>, b: Pick<Finding, 'severity'>): number =>
  severities.indexOf(a.severity) - severities.indexOf(b.severity);
