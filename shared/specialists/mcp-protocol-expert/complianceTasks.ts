import * as z from 'zod';
import type { Audit } from '../../audit/journal/audit.ts';
import { handlerOf } from '../../orchestration/model/eventRoutes.ts';
import { probeSchema } from '../../orchestration/plans/systemReport.ts';
import { defineTask, type Task } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import { slugSchema } from '../../registry/records/server.ts';
import { eventSchema } from '../eventHandlers.ts';
import { type Finding, findingSchema, hasCritical, reportSchema } from '../finding.ts';
import { checks } from './checks/table.ts';
import { type Checked, type CheckedServer, checkedServerSchema, checkServer } from './checkServer.ts';
import {
  activeServer,
  agent,
  callDeps,
  inspectServers,
  leftOutSchema,
  type ServerDeps,
  subjectSchema,
  untilReport,
} from './inspectServers.ts';

/** A smaller bound than that of the report: the result holds every check of every server. */
const MAX_CHECKED_SERVERS = 10;
const MAX_REPORTED_SERVERS = 25;
const MAX_NAMED = 20;
const severities: readonly Finding['severity'][] = ['critical', 'warning', 'info'];

const probeOf = (standard: z.infer<typeof probeSchema>) =>
  probeSchema
    .default(standard)
    .describe('`thorough` also sends malformed messages and unknown names; `gentle` does not.');

/** Checks servers against the specification of their era. */
export const specificationCompliance = (deps: ServerDeps): Task =>
  defineTask({
    name: 'mcp_specification_compliance',
    permissions: ['delegations.read'],
    agent,
    description: `Sends some 30 requests to a registered server, malformed ones too unless probe is gentle, calls none of its tools, and checks its answers against the MCP specification of its era: ${checks.length} checks, each passed, failed or not applicable, with its evidence.`,
    timeoutMs: 150_000,
    input: subjectSchema.extend({ probe: probeOf('thorough') }),
    output: reportSchema.extend({ servers: z.array(checkedServerSchema), leftOut: leftOutSchema }),
    async run({ slug, probe }, helpers) {
      const bounds = { limit: MAX_CHECKED_SERVERS };
      const checked = await inspectServers(slug, helpers, deps, bounds, (...call) =>
        checkServer(probe, ...call),
      );
      if (!checked.ok) return checked;
      const { results, leftOut } = checked.value;
      const findings = results.flatMap((result) => result.findings);
      const critical = findings.filter(({ severity }) => severity === 'critical').length;
      return succeed({
        summary: `${results.length} servers were checked against the specification: ${findings.length} findings, ${critical} of them critical${leftOut.length > 0 ? `; ${leftOut.length} servers were left out` : ''}.`,
        facts: { checks: checks.length, checked: results.length, findings: findings.length, critical },
        findings,
        servers: results.map(({ server }) => server),
        leftOut: [...leftOut],
      });
    },
  });

/** Reports how well all servers of a tenant keep the protocol. */
export const complianceReport = (deps: ServerDeps): Task =>
  defineTask({
    name: 'generate_compliance_report',
    permissions: ['delegations.read'],
    agent,
    description: `Checks up to ${MAX_REPORTED_SERVERS} active servers against the MCP specification of their era, with malformed messages only if probe is thorough, and reports which requirements are broken, by how many servers and which, and which servers keep all of them.`,
    timeoutMs: 110_000,
    input: z.strictObject({ probe: probeOf('gentle') }),
    output: reportSchema,
    async run({ probe }, helpers) {
      const bounds = { limit: MAX_REPORTED_SERVERS, atOnce: 5 };
      const checked = await inspectServers(undefined, helpers, deps, bounds, (...call) =>
        checkServer(probe, ...call),
      );
      if (!checked.ok) return checked;
      const { results, leftOut } = checked.value;
      const broken = results.filter(({ findings }) => hasCritical(findings));
      return succeed({
        summary: reportSummary(results.length, broken.length, leftOut.length),
        facts: {
          checks: checks.length,
          servers: results.map(({ server, findings }) => reportRow(server, findings)),
          leftOut: leftOut.slice(0, MAX_NAMED),
          leftOutCount: leftOut.length,
        },
        findings: mergeByRule(results),
      });
    },
  });

function reportSummary(checked: number, broken: number, leftOut: number): string {
  const rest =
    leftOut === 0
      ? ''
      : ` ${leftOut} more were left out, for lack of time or beyond ${MAX_REPORTED_SERVERS}.`;
  if (checked === 0)
    return leftOut === 0 ? 'There are no active servers to check.' : `No server was checked.${rest}`;
  return `Of ${checked} active servers, ${checked - broken} have no critical finding and ${broken} have some.${rest}`;
}

const criticalRules = (findings: readonly Finding[]): readonly string[] =>
  findings.filter(({ severity }) => severity === 'critical').map(({ rule }) => rule);

const reportRow = (
  { slug, era, version, reached, counts, durationMs, interrupted }: CheckedServer,
  findings: readonly Finding[],
) => ({
  slug,
  era,
  version,
  reached,
  ...counts,
  durationMs,
  ...(interrupted !== undefined && { interrupted }),
  critical: criticalRules(findings),
});

/** Returns one finding for each broken requirement, the worst first, with the servers that break it. */
function mergeByRule(results: readonly Checked[]): Finding[] {
  const groups = Map.groupBy(
    results.flatMap(({ findings }) => findings),
    ({ rule }) => rule,
  );
  const merged = [...groups.values()].flatMap((findings) => {
    const [first] = findings;
    if (!first) return [];
    const names = [...new Set(findings.map(({ evidence }) => String(evidence['server'])))];
    if (names.length === 1) return [first];
    const { specification } = first.evidence;
    const evidence = { servers: names.slice(0, MAX_NAMED), count: names.length, specification };
    const message = `${names.length} servers, for example: ${first.message}`;
    return [{ ...first, message, evidence }];
  });
  return merged.sort((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity));
}

const VIOLATION = 'protocol_violation';

/** Checks a server that is reported to break the protocol, and records the outcome in the audit trail. */
export const handleProtocolViolation = ({
  servers,
  audit,
  ...deps
}: ServerDeps & { readonly audit: Pick<Audit, 'append'> }): Task =>
  defineTask({
    name: handlerOf(VIOLATION),
    permissions: ['delegations.read'],
    agent,
    description:
      'Checks the server that the event names against the MCP specification of its era, without malformed messages, and records the outcome in the audit trail.',
    timeoutMs: 60_000,
    input: eventSchema,
    output: z.object({
      recorded: z.literal(true),
      afterMs: z.number().describe('From the event to its record.'),
      summary: z.string().describe('One sentence.'),
      server: z.string().optional().describe('The slug of the server that was checked.'),
      findings: z.array(findingSchema),
    }),
    async run({ eventId, raisedAt, detail }, helpers) {
      const { tenantId, traceId, clock } = helpers;
      const startedAt = performance.now();
      const record = (
        action: string,
        resource: string,
        outcome: 'succeeded' | 'not_passed',
        durationMs: number,
      ) => {
        const who = { tenantId, actor: agent, traceId };
        audit.append({ ...who, action, resource, outcome, durationMs, decision: 'allowed' });
      };
      const afterMs = clock.now().getTime() - Date.parse(raisedAt);
      record(`events.${VIOLATION}`, `events/${eventId}`, 'succeeded', afterMs);
      const done = { recorded: true as const, afterMs, findings: [] };
      const named = slugSchema.safeParse(detail['server']);
      if (!named.success)
        return succeed({ ...done, summary: 'The event names no server, so none was checked.' });
      const slug = named.data;
      const server = await activeServer(slug, tenantId, servers);
      if (!server) return succeed({ ...done, summary: `There is no active server "${slug}" any more.` });
      const calls = await callDeps(deps, helpers);
      // Nobody asked for malformed messages to this server.
      const checked = await checkServer('gentle', server, calls, untilReport(helpers));
      const durationMs = performance.now() - startedAt;
      const outcome = hasCritical(checked.findings) ? 'not_passed' : 'succeeded';
      record('servers.check', `servers/${slug}`, outcome, durationMs);
      const summary = violationSummary(checked);
      return succeed({ ...done, summary, server: slug, findings: [...checked.findings] });
    },
  });

function violationSummary({ server: { slug, reached, counts }, findings }: Checked): string {
  if (!reached) return `${slug} could not be checked.`;
  const critical = criticalRules(findings);
  return critical.length === 0
    ? `${slug} passed ${counts.passed} checks and does not break the protocol now.`
    : `${slug} breaks the protocol: ${critical.join(', ')}.`;
}
