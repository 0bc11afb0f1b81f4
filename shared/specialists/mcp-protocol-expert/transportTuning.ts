import { z } from 'zod';
import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import { watchConnections } from '../../platform/outbound/watchConnections.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type Finding, reportSchema } from '../finding.ts';
import { recordDeps, recordServer } from './recordServer.ts';
import { lookAtEach, subjectSchema, subjectServers } from './subjectServers.ts';
import { judgeTransport, measureTransport, transportSchema } from './transportTimes.ts';

const MAX_SERVERS = 20;

/** Measures how the messages of servers travel. */
export function transportLayerTuning({
  servers,
  outboundTo,
}: Pick<SpecialistDeps, 'servers' | 'outboundTo'>): Task {
  return defineTask({
    name: 'transport_layer_tuning',
    permissions: ['delegations.read'],
    agent: 'mcp-protocol-expert',
    description:
      'Sends small requests to a server one after another and opens its stream of news; tells connection reuse, keep-alive, TLS, time to the first byte, streaming and compression as measured, and what to change.',
    timeoutMs: 120_000,
    input: subjectSchema,
    output: reportSchema.extend({ servers: z.array(transportSchema), leftOut: z.array(z.string()) }),
    async run({ slug }, helpers) {
      const subjects = await subjectServers(slug, helpers.tenantId, servers, MAX_SERVERS);
      if (!subjects.ok) return subjects;
      const { clock, traceId } = helpers;
      const deps = await recordDeps(outboundTo, helpers);
      const watched = watchConnections(traceId);
      try {
        // One at a time: what is measured must not wait for what we do beside it.
        const { results, untried } = await lookAtEach(
          subjects.value.servers,
          helpers,
          async (server, signal) => {
            const before = watched.carriers.length;
            const { transcript, finding } = await recordServer(server, 'timing', deps, signal);
            if (!transcript) return { facts: [], findings: [finding] };
            if (!transcript.steps.get('time 1')?.answer)
              return { facts: [], findings: [unopened(server.slug)] };
            const facts = measureTransport(server, transcript, watched.carriers.slice(before));
            return { facts: [facts], findings: judgeTransport(facts, clock.now()) };
          },
          1,
        );
        const measured = results.flatMap(({ facts }) => facts);
        const findings = results.flatMap((result) => result.findings);
        const [slowest] = measured.toSorted((a, b) => b.firstByteMs.median - a.firstByteMs.median);
        return succeed({
          summary: `The transport of ${measured.length} servers was measured${slowest ? `; the slowest, ${slowest.slug}, waits ${slowest.firstByteMs.median} ms for a first byte` : ''}.`,
          facts: { measured: measured.length, slowest: slowest?.slug },
          findings,
          servers: measured,
          leftOut: [...untried, ...subjects.value.beyond],
        });
      } finally {
        watched.stop();
      }
    },
  });
}

const unopened = (slug: string): Finding => ({
  rule: 'server_opens',
  severity: 'critical',
  message: `${slug} answers, but not as an MCP server: nothing could be measured.`,
  evidence: { server: slug },
  remedy: 'Run mcp_specification_compliance on it, which says what is wrong with its answers.',
});
