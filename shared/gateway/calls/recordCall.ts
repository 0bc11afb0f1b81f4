import type { ActOutcome, AuditEvent } from '../../audit/model/record.ts';
import type { GatewayDeps, McpRequest } from './request.ts';

export type RecordCall = (resource: string, decision: AuditEvent['decision'], outcome: ActOutcome) => void;

/** Records one request to a server, which began just now: who, which server and tool, what came of it, and nothing that was said. */
export function recordCall(
  { principal, trace }: McpRequest,
  method: string,
  audit: GatewayDeps['audit'],
): RecordCall {
  const begunAt = performance.now();
  return (resource, decision, outcome) => {
    audit.append({
      tenantId: principal.tenantId,
      actor: principal.userId,
      action: method,
      resource,
      decision,
      outcome,
      durationMs: performance.now() - begunAt,
      traceId: trace.traceId,
    });
  };
}
