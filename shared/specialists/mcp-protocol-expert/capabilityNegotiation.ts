import { z } from 'zod';
import { Unfit } from '../../gateway/catalogue/discoveryFailure.ts';
import { openServer } from '../../gateway/upstream/openServer.ts';
import type { OutboundTo } from '../../gateway/upstream/outboundTo.ts';
import { UpstreamFault } from '../../gateway/upstream/fault.ts';
import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type Finding, reportSchema } from '../finding.ts';
import { judgeDrift, judgeRow, matrixRow, matrixRowSchema, type Presented } from './carriedFeatures.ts';
import { recordDeps } from './recordServer.ts';
import { type ActiveServer, lookAtEach, subjectSchema, subjectServers } from './subjectServers.ts';

const MAX_SERVERS = 50;
const ANSWER_WITHIN_MS = 8_000;

/** Tells which capabilities of servers reach clients of which era. */
export function capabilityNegotiation({
  servers,
  outboundTo,
}: Pick<SpecialistDeps, 'servers' | 'outboundTo'>): Task {
  async function look(server: ActiveServer, bound: OutboundTo, signal: AbortSignal) {
    const { slug, discovery } = server;
    const within = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]);
    try {
      const opened = await openServer(server, bound, within);
      await opened.close();
      const now: Presented = { ...opened.profile, tools: discovery.tools };
      const row = matrixRow(slug, now);
      return { row, findings: [...judgeDrift(slug, discovery, now), ...judgeRow(row)] };
    } catch (error) {
      if (!(error instanceof UpstreamFault || error instanceof Unfit)) throw error;
      const row = matrixRow(slug, discovery);
      return { row, findings: [asKnown(slug, error.message), ...judgeRow(row)] };
    }
  }

  return defineTask({
    name: 'capability_negotiation',
    permissions: ['delegations.read'],
    agent: 'mcp-protocol-expert',
    description:
      'Asks each active server what it can do now, and gives the matrix of its capabilities against clients of both eras: what the gateway carries to whom, what it does not and why, and what differs from the registry.',
    timeoutMs: 120_000,
    input: subjectSchema,
    output: reportSchema.extend({ servers: z.array(matrixRowSchema), leftOut: z.array(z.string()) }),
    async run({ slug }, helpers) {
      const subjects = await subjectServers(slug, helpers.tenantId, servers, MAX_SERVERS);
      if (!subjects.ok) return subjects;
      const { outboundTo: bound } = await recordDeps(outboundTo, helpers);
      const { results, untried } = await lookAtEach(
        subjects.value.servers,
        helpers,
        (server, signal) => look(server, bound, signal),
        5,
      );
      const rows = results.map(({ row }) => row);
      const eras = Map.groupBy(rows, ({ era }) => era);
      const leftOut = [...untried, ...subjects.value.beyond];
      return succeed({
        summary: `${rows.length} servers, ${eras.get('legacy')?.length ?? 0} of the 2025 and ${eras.get('modern')?.length ?? 0} of the 2026 era, against clients of both.`,
        facts: {
          servers: rows.length,
          legacy: eras.get('legacy')?.length ?? 0,
          modern: eras.get('modern')?.length ?? 0,
        },
        findings: results.flatMap(({ findings }) => findings),
        servers: rows,
        leftOut,
      });
    },
  });
}

const asKnown = (slug: string, words: string): Finding => ({
  rule: 'server_reached',
  severity: 'critical',
  message: `${slug} ${words}. Its row tells what the registry knows of it.`,
  evidence: { server: slug },
  remedy: 'See whether the server runs, and whether the gateway may reach it without credentials of a user.',
});
