import type { Principal } from '../../identity/principal.ts';
import type { OutboundClient } from '../../platform/outbound.ts';
import type { Era, Tool } from '../../registry/server.ts';
import type { Envelope } from '../envelope.ts';
import type { JsonObject, RequestId } from '../jsonRpc.ts';
import type { Answer } from './answer.ts';
import { legacyConnection } from './legacy.ts';
import { modernConnection } from './modern.ts';
import { createSessionPool } from './sessions.ts';

/** One call of a tool, as the client made it. */
export interface ToolCall {
  readonly id: RequestId;
  /** The tool as its server describes and names it. */
  readonly tool: Tool;
  readonly params: JsonObject;
  /** What a modern client says of itself; a legacy client says nothing of the kind. */
  readonly envelope: Envelope | undefined;
  readonly traceparent: string;
}

/** An upstream server as one caller may use it. Who calls it need not know which era it speaks. */
export interface Connection {
  readonly era: Era;
  /** Ids and progress tokens in the answer are the client's. @throws UpstreamFault */
  callTool(call: ToolCall, signal: AbortSignal): Promise<Answer>;
}

/** Connects a caller to a server of the given era. */
export type Connect = (url: string, era: Era, principal: Principal) => Connection;

/** Sessions that one instance holds: about what its memory and a tenant's busy users need. */
const MAX_SESSIONS = 1_000;

export function createConnect(outbound: OutboundClient): Connect {
  const sessions = createSessionPool(outbound, MAX_SESSIONS);
  const byEra: Record<Era, (url: string, principal: Principal) => Connection> = {
    legacy: (url, { tenantId, userId }) =>
      legacyConnection(sessions.of(JSON.stringify([tenantId, userId, url]), url)),
    modern: (url) => modernConnection(outbound, url),
  };
  return (url, era, principal) => byEra[era](url, principal);
}
