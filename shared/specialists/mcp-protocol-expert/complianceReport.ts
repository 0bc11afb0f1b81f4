import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type Finding, reportSchema } from '../finding.ts';
import { type Checked, type CheckedServer, checkServer } from './checkServer.ts';
import { checks } from './checks/table.ts';
import { recordDeps } from './recordServer.ts';
import { lookAtEach, subjectServers } from './subjectServers.ts';
import { z } from 'zod';

const MAX_SERVERS = 25;
const AT_ONCE = 5;
const MAX_NAMED = 20;
const severities: readonly Finding['severity'][] = ['critical', 'warning', 'info'];

/** How well all servers of a tenant keep the protocol. */
export function complianceReport({
  servers,
  outboundTo,
}: Pick<SpecialistDeps, 'servers' | 'outboundTo'>): Task {
  return defineTask({
    name: 'generate_compliance_report',
    permissions: ['delegations.read'],
    agent: 'mcp-protocol-expert',
    description: `Checks up to ${MAX_SERVERS} active servers against the MCP specification of their era, and reports which requirements are broken, by how many servers and which, and which servers keep all of them.`,
    timeoutMs: 110_000,
    input: z.strictObject({}),
    output: reportSchema,
    async run(_, helpers) {
      const subjects = await subjectServers(undefined, helpers.tenantId, servers, MAX_SERVERS);
      if (!subjects.ok) return subjects;
      const deps = await recordDeps(outboundTo, helpers);
      const look = (server: (typeof subjects.value.servers)[number], signal: AbortSignal) =>
        checkServer(server, deps, signal);
      const { results, untried } = await lookAtEach(subjects.value.servers, helpers, look, AT_ONCE);
      const broken = results.filter(({ findings }) =>
        findings.some(({ severity }) => severity === 'critical'),
      );
      const leftOut = [...untried, ...subjects.value.beyond];
      return succeed({
        summary: summaryOf(results.length, broken.length, leftOut.length),
        facts: {
          checks: checks.length,
          servers: results.map(({ server, findings }) => rowOf(server, findings)),
          leftOut: leftOut.slice(0, MAX_NAMED),
          leftOutCount: leftOut.length,
        },
        findings: byRule(results),
      });
    },
  });
}

function summaryOf(checked: number, broken: number, leftOut: number): string {
  const rest =
    leftOut === 0 ? '' : ` ${leftOut} more were left out, for want of time or beyond ${MAX_SERVERS}.`;
  if (checked === 0)
    return leftOut === 0 ? 'There are no active servers to check.' : `No server was checked.${rest}`;
  return `Of ${checked} active servers, ${checked - broken} have no critical finding and ${broken} have some.${rest}`;
}

const rowOf = (
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
  critical: findings.filter(({ severity }) => severity === 'critical').map(({ rule }) => rule),
});

/** One finding for each requirement that is broken, the worst first, with the servers that break it. */
function byRule(results: readonly Checked[]): Finding[] {
  const groups = Map.groupBy(
    results.flatMap(({ findings }) => findings),
    ({ rule }) => rule,
  );
  const merged = [...groups.values()].flatMap((findings) => {
    const [first] = findings;
    if (!first) return [];
    const names = [...new Set(findings.map(({ evidence }) => String(evidence['server'])))];
    if (names.length === 1) return [first];
    const { rule, severity, remedy, message } = first;
    const evidence = {
      servers: names.slice(0, MAX_NAMED),
      count: names.length,
      specification: first.evidence['specification'],
    };
    return [{ rule, severity, message: `${names.length} servers, for one: ${message}`, evidence, remedy }];
  });
  return merged.sort((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity));
}
