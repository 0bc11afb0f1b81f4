import type { ActOutcome, AuditEvent } from '../../audit/model/record.ts';
import type { SignedIn } from '../../identity/credentials/credentials.ts';
import { bearerToken } from '../../identity/tokens/bearerToken.ts';
import type { View } from '../catalogue/view.ts';
import type { InboundRequest } from '../protocol/classify.ts';
import type { Caller, ClientSession } from '../upstream/connection.ts';
import type { GatewayDeps, McpPost, McpRequest } from './request.ts';

/** One request of a client, with its caller and its endpoint. */
export interface Call {
  readonly inbound: InboundRequest;
  readonly request: McpPost;
  readonly view: View;
  /** The time that finding the view took, in milliseconds. */
  readonly viewMs: number;
  /** Has a session in the legacy era only. */
  readonly caller: Caller;
}
export type Method = (call: Call) => Response | Promise<Response>;

/** Returns the signed-in user of a request; `undefined` without a bearer token. */
export function signedInWith({ principal, headers }: McpRequest): SignedIn | undefined {
  const token = bearerToken(headers.get('authorization'));
  return token === undefined ? undefined : { principal, token };
}

/** Returns on whose behalf the servers of a request are called. */
export const callerOf = (request: McpRequest, session: ClientSession | undefined): Caller => ({
  principal: request.principal,
  session,
  user: () => signedInWith(request),
});

/** Writes the audit record of a request: who, which server and tool, and the outcome, but no argument and no result. */
export type RecordCall = (resource: string, decision: AuditEvent['decision'], outcome: ActOutcome) => void;

/** Returns the recorder of a request that begins now. */
export function recordCall(
  { principal, trace }: McpRequest,
  method: string,
  audit: GatewayDeps['audit'],
): RecordCall {
  const startedAt = performance.now();
  return (resource, decision, outcome) => {
    audit.append({
      tenantId: principal.tenantId,
      actor: principal.userId,
      action: method,
      resource,
      decision,
      outcome,
      durationMs: performance.now() - startedAt,
      traceId: trace.traceId,
    });
  };
}
