import { carriedFeatures } from '../protocol/clientFeatures.ts';
import { type Envelope, GATEWAY_INFO, LOG_LEVELS, metaOf } from '../protocol/envelope.ts';
import { isSameId, type JsonRpcNotification, type RequestId, toId } from '../protocol/jsonRpc.ts';
import { passesToClient } from '../protocol/notifications.ts';
import type { SharedState } from '../upstream/connection.ts';
import type { Call } from './call.ts';

/** The notifications that the client of a call wants while it runs. */
export interface Audience {
  /** The client's token for the call; absent: it wants no progress. */
  readonly progressToken?: RequestId;
  /** The least log level; `none` for no log notifications. */
  readonly logLevel: string;
  /** Whether it may have got an elicitation on a web page, whose end is announced (2025-11-25, client/elicitation). */
  readonly takesElicitations: boolean;
}

/** Returns what the client of a call wants: a modern client says it in each call, a legacy client once for its session. */
export function audienceOf({ inbound, caller }: Call, shared: SharedState | undefined): Audience {
  const { envelope, message } = inbound;
  const progressToken = toId(metaOf(message.params)['progressToken']);
  const [lowest = 'none'] = LOG_LEVELS;
  return {
    ...(progressToken !== undefined && { progressToken }),
    takesElicitations: caller.session !== undefined,
    // A legacy client that has set no level gets every log notification.
    logLevel: envelope ? (envelope.logLevel ?? 'none') : (shared?.logLevel ?? lowest),
  };
}

/** Returns the client's description for a modern server; `undefined` for a legacy client without a session. */
export function envelopeOf(
  { inbound, caller }: Call,
  serverLogs: boolean,
  shared: SharedState | undefined,
): Envelope | undefined {
  if (inbound.envelope) return inbound.envelope;
  const { session } = caller;
  return (
    session && {
      clientCapabilities: carriedFeatures(session.capabilities),
      clientInfo: session.clientInfo ?? GATEWAY_INFO,
      // A client that has set no level gets the usual one.
      ...(serverLogs && { logLevel: shared?.logLevel ?? 'info' }),
    }
  );
}

/**
 * Whether a server's notification concerns this client. Progress of other calls does not. A notification that the gateway does
 * not know does.
 */
export function concerns(audience: Audience, { method, params }: JsonRpcNotification): boolean {
  if (method === 'notifications/progress') {
    return (
      audience.progressToken !== undefined && isSameId(audience.progressToken, params?.['progressToken'])
    );
  }
  if (method === 'notifications/message') {
    // 2026-07-28, utilities/logging: without a level in the request a server must not send any.
    const level = LOG_LEVELS.findIndex((known) => known === params?.['level']);
    const least = LOG_LEVELS.indexOf(audience.logLevel);
    return least !== -1 && level >= least;
  }
  if (method === 'notifications/elicitation/complete') return audience.takesElicitations;
  return passesToClient(method);
}
