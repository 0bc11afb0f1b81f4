import type { JsonRpcNotification, RequestId } from '../protocol/jsonRpc.ts';
import { LOG_LEVELS } from '../protocol/versions.ts';

/** What the client that made a call wants to hear while it runs. */
export interface Audience {
  /** The token that the client knows the call by; absent: it wants no progress. */
  readonly progressToken?: RequestId;
  /** The least log level to send on; `none` sends no log notification. */
  readonly logLevel: string;
  /** Whether it can have been asked something that is answered elsewhere, of which the end is told (2025-11-25, client/elicitation). */
  readonly isAsked: boolean;
}

/**
 * Whether a notification that an upstream sent with its answer concerns this client. Progress of another call, changed
 * lists (the client sees the gateway's list, not the upstream's) and cancellations are the gateway's own affair;
 * what neither era defines is a vendor's and passes.
 */
export function concerns(audience: Audience, { method, params }: JsonRpcNotification): boolean {
  if (method === 'notifications/progress') {
    return audience.progressToken !== undefined && params?.['progressToken'] === audience.progressToken;
  }
  if (method === 'notifications/message') {
    // 2026-07-28, utilities/logging: without a level in the request a server must not send any.
    const level = LOG_LEVELS.indexOf(String(params?.['level']));
    const least = LOG_LEVELS.indexOf(audience.logLevel);
    return least !== -1 && level >= least;
  }
  if (method === 'notifications/elicitation/complete') return audience.isAsked;
  return !method.startsWith('notifications/');
}
