import { z } from 'zod';
import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { reportSchema } from '../finding.ts';
import { checkedServerSchema, checkServer } from './checkServer.ts';
import { checks } from './checks/table.ts';
import { recordDeps } from './recordServer.ts';
import { lookAtEach, subjectSchema, subjectServers } from './subjectServers.ts';

/** Each takes some seconds, and brings its whole table. */
const MAX_SERVERS = 10;

/** Holds servers against the specification of their era. */
export function specificationCompliance({
  servers,
  outboundTo,
}: Pick<SpecialistDeps, 'servers' | 'outboundTo'>): Task {
  return defineTask({
    name: 'mcp_specification_compliance',
    permissions: ['delegations.read'],
    agent: 'mcp-protocol-expert',
    description: `Exchanges some 30 requests with a registered server, calling none of its tools, and holds what it answers against the MCP specification of its era: ${checks.length} checks, each passed, failed or not applicable, with its evidence.`,
    timeoutMs: 150_000,
    input: subjectSchema,
    output: reportSchema.extend({
      servers: z.array(checkedServerSchema),
      leftOut: z.array(z.string()).describe('Slugs of active servers that were not checked.'),
    }),
    async run({ slug }, helpers) {
      const subjects = await subjectServers(slug, helpers.tenantId, servers, MAX_SERVERS);
      if (!subjects.ok) return subjects;
      const deps = await recordDeps(outboundTo, helpers);
      const { results, untried } = await lookAtEach(subjects.value.servers, helpers, (server, signal) =>
        checkServer(server, deps, signal),
      );
      const findings = results.flatMap((result) => result.findings);
      const critical = findings.filter(({ severity }) => severity === 'critical').length;
      const leftOut = [...untried, ...subjects.value.beyond];
      return succeed({
        summary: `${results.length} servers were held against the specification: ${findings.length} findings, ${critical} of them critical${leftOut.length > 0 ? `; ${leftOut.length} servers were left out` : ''}.`,
        facts: { checks: checks.length, checked: results.length, findings: findings.length, critical },
        findings,
        servers: results.map(({ server }) => server),
        leftOut,
      });
    },
  });
}
