import type { Audit } from '../../audit/journal/audit.ts';
import type { ActOutcome, AuditEvent } from '../../audit/model/record.ts';
import type { Actor } from '../../identity/access/actor.ts';
import type { Credentials } from '../../identity/credentials/credentials.ts';
import type { SignedIn } from '../../identity/credentials/credentialSources.ts';
import { bearerToken } from '../../identity/tokens/bearerToken.ts';
import type { Awaitable } from '../../platform/base/awaitable.ts';
import type { Clock } from '../../platform/base/clock.ts';
import type { IdSource } from '../../platform/base/ids.ts';
import type { Seal } from '../../platform/security/seal.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import type { Log } from '../../platform/telemetry/log.ts';
import type { Trace } from '../../platform/telemetry/trace.ts';
import type { ServerStore } from '../../registry/records/serverStore.ts';
import type { VisibleServers } from '../../registry/records/visibleServers.ts';
import type { ToolsetStore } from '../../registry/toolsets/toolset.ts';
import type { BuiltInTools } from '../catalogue/builtInTools.ts';
import type { View } from '../catalogue/view.ts';
import type { AcceptedForm } from '../protocol/accept.ts';
import type { InboundRequest } from '../protocol/classify.ts';
import { boundedFeatures } from '../protocol/clientFeatures.ts';
import type { Envelope } from '../protocol/envelope.ts';
import type { ClientSession, UpstreamCaller } from '../upstream/connection.ts';
import type { FaultKind } from '../upstream/fault.ts';
import type { OutboundTo } from '../upstream/outboundTo.ts';
import type { NoteHealth } from '../upstream/serverHealth.ts';

/** The dependencies of the data path. */
export interface GatewayDeps {
  readonly servers: ServerStore;
  readonly visibleServers: VisibleServers;
  readonly toolsets: Pick<ToolsetStore, 'find'>;
  readonly outboundTo: OutboundTo;
  readonly noteHealth: NoteHealth;
  readonly credentials: Pick<Credentials, 'isPersonal' | 'isAccount' | 'hasPersonal'>;
  readonly shortLived: StateStore;
  readonly seal: Seal;
  /** The tenants of the settings. */
  readonly tenants: ReadonlySet<string>;
  readonly clock: Clock;
  readonly newId: IdSource;
  readonly log: Log;
  /** Records each request to a server, without its arguments and result. */
  readonly audit: Pick<Audit, 'append'>;
  /** The built-in tools; none when absent. */
  readonly builtInTools?: BuiltInTools;
  /** Called for each call that failed because of its server. */
  readonly onUpstreamFault?: (fault: {
    readonly tenantId: string;
    readonly server: string;
    readonly kind: FaultKind;
    readonly trace: Trace;
  }) => void;
}

/** The servers behind an MCP endpoint: all of the caller's tenant, one of them, or a curated set. */
export type Front =
  | { readonly kind: 'all' }
  | { readonly kind: 'server'; readonly slug: string }
  | { readonly kind: 'toolset'; readonly slug: string };

/** One HTTP request to an MCP endpoint. Its caller is authorised. */
export interface McpRequest {
  readonly front: Front;
  readonly headers: Headers;
  readonly actor: Actor;
  readonly trace: Trace;
  readonly signal: AbortSignal;
}

/** A POST. The message is parsed JSON of at most 1 MiB. */
export interface McpPost extends McpRequest {
  readonly message: unknown;
}

/** One request of a client, with its caller and its endpoint. */
export interface Call {
  readonly inbound: InboundRequest;
  readonly request: McpPost;
  readonly view: View;
  /** The time that finding the view took, in milliseconds. */
  readonly viewMs: number;
  /** Has a session in the legacy era only. */
  readonly caller: UpstreamCaller;
  readonly accepts: AcceptedForm;
  /** Must be called when a streamed answer has ended. */
  readonly onEnd: () => void;
}
export type Method = (call: Call) => Awaitable<Response>;

/** Returns the signed-in user of a request; `undefined` without a bearer token. */
export function signedInWith({ actor, headers }: McpRequest): SignedIn | undefined {
  const token = bearerToken(headers.get('authorization'));
  return token === undefined ? undefined : { actor, token };
}

/** Returns on whose behalf the servers of a request are called. `envelope`: what a modern client says of itself. */
export const callerOf = (
  request: McpRequest,
  session: ClientSession | undefined,
  envelope?: Envelope,
): UpstreamCaller => ({
  actor: request.actor,
  session,
  capabilities: session?.capabilities ?? (envelope && boundedFeatures(envelope.clientCapabilities)),
  user: () => signedInWith(request),
});

/** Writes the audit record of a request: who, which server and tool, and the outcome, but no argument and no result. */
export type RecordCall = (resource: string, decision: AuditEvent['decision'], outcome: ActOutcome) => void;

/** Returns the recorder of a request that begins now. */
export function recordCall(
  { actor, trace }: McpRequest,
  method: string,
  audit: GatewayDeps['audit'],
): RecordCall {
  const startedAt = performance.now();
  return (resource, decision, outcome) => {
    audit.append({
      tenantId: actor.tenantId,
      actor: actor.userId,
      actorName: actor.name,
      action: method,
      resource,
      decision,
      outcome,
      durationMs: performance.now() - startedAt,
      traceId: trace.traceId,
    });
  };
}
