import type { ActOutcome, AuditEvent } from '../audit/record.ts';
import { parseAggregateName } from './names.ts';
import type { GatewayDeps, McpRequest } from './request.ts';

/** Records one call of a tool, which began just now: who, which server and tool, what came of it, and nothing that was said. */
export function recordCall(
  { principal, trace }: McpRequest,
  name: string,
  audit: GatewayDeps['audit'],
): (decision: AuditEvent['decision'], outcome: ActOutcome) => void {
  const begunAt = performance.now();
  const { slug, tool } = parseAggregateName(name) ?? { slug: '', tool: name };
  return (decision, outcome) => {
    audit.append({
      tenantId: principal.tenantId,
      actor: principal.userId,
      action: 'tools/call',
      resource: slug === '' ? `tools/${tool}` : `servers/${slug}/tools/${tool}`,
      decision,
      outcome,
      durationMs: performance.now() - begunAt,
      traceId: trace.traceId,
    });
  };
}
