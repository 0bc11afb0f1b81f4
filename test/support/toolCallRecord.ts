import { callerTenant } from './httpDeps.ts';

/** Returns the act of a tool call for the audit trail, with other fields where `more` names them. */
export const toolCallRecord = (resource: string, more: object = {}) =>
  ({
    tenantId: callerTenant,
    actor: 'alice',
    action: 'tools/call',
    resource,
    decision: 'allowed',
    outcome: 'succeeded',
    durationMs: 4,
    traceId: 'f'.repeat(32),
    ...more,
  }) as const;
