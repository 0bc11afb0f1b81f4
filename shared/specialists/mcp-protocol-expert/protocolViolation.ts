import { z } from 'zod';
import type { Audit } from '../../audit/journal/audit.ts';
import { handlerOf } from '../../orchestration/model/eventRoutes.ts';
import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { findingSchema } from '../finding.ts';
import { eventSchema } from '../eventHandlers.ts';
import { slugSchema } from '../../registry/records/server.ts';
import { type Checked, checkServer } from './checkServer.ts';
import { recordDeps } from './recordServer.ts';
import { subjectServers } from './subjectServers.ts';

const TYPE = 'protocol_violation';
/** Left for the records of what was found. */
const RESERVE_MS = 3_000;

/** Looks at a server that is said to break the protocol, and puts what it found into the audit trail. */
export function handleProtocolViolation({
  servers,
  outboundTo,
  audit,
}: Pick<SpecialistDeps, 'servers' | 'outboundTo'> & { readonly audit: Pick<Audit, 'append'> }): Task {
  return defineTask({
    name: handlerOf(TYPE),
    permissions: ['delegations.read'],
    agent: 'mcp-protocol-expert',
    description:
      'Checks the server that the event names against the MCP specification of its era, and records in the audit trail what it found.',
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
      const { tenantId, traceId, clock, signal, deadline } = helpers;
      const startedAt = performance.now();
      const record = (
        action: string,
        resource: string,
        outcome: 'succeeded' | 'not_passed',
        durationMs: number,
      ) => {
        const who = { tenantId, actor: 'mcp-protocol-expert', traceId };
        audit.append({ ...who, action, resource, outcome, durationMs, decision: 'allowed' });
      };
      const afterMs = clock.now().getTime() - Date.parse(raisedAt);
      record(`events.${TYPE}`, `events/${eventId}`, 'succeeded', afterMs);
      const done = { recorded: true as const, afterMs, findings: [] };
      const named = slugSchema.safeParse(detail['server']);
      if (!named.success)
        return succeed({ ...done, summary: 'The event names no server, so none was checked.' });
      const slug = named.data;
      const subject = await subjectServers(slug, tenantId, servers, 1);
      const [server] = subject.ok ? subject.value.servers : [];
      if (!server) return succeed({ ...done, summary: `There is no active server "${slug}" any more.` });
      const leftMs = Math.max(0, deadline.getTime() - clock.now().getTime() - RESERVE_MS);
      const within = AbortSignal.any([signal, AbortSignal.timeout(leftMs)]);
      const checked = await checkServer(server, await recordDeps(outboundTo, helpers), within);
      const broken = checked.findings.some(({ severity }) => severity === 'critical');
      const durationMs = performance.now() - startedAt;
      record('servers.check', `servers/${slug}`, broken ? 'not_passed' : 'succeeded', durationMs);
      return succeed({ ...done, summary: summaryOf(checked), server: slug, findings: [...checked.findings] });
    },
  });
}

function summaryOf({ server: { slug, reached, counts }, findings }: Checked): string {
  if (!reached) return `${slug} could not be checked.`;
  const critical = findings.filter(({ severity }) => severity === 'critical').map(({ rule }) => rule);
  return critical.length === 0
    ? `${slug} passed ${counts.passed} checks; nothing that breaks the protocol was found now.`
    : `${slug} breaks the protocol: ${critical.join(', ')}.`;
}
