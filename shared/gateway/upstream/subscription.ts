import type { Discovery } from '../../registry/records/server.ts';
import type { JsonObject } from '../protocol/jsonRpc.ts';
import type { ClientSession } from '../session/clientSessions.ts';
import { carriedFeatures } from '../protocol/clientFeatures.ts';

/** The request of the modern era for what a server says unasked (2026-07-28, utilities/subscriptions). */
export const LISTEN = 'subscriptions/listen';

/** Azure cuts HTTP calls at 230 seconds, and does not tell that a client has left: it comes back, or it does not. */
export const LISTEN_WITHIN_MS = 200_000;

/** What somebody wants to hear of. */
export interface Wanted {
  readonly tools: boolean;
  readonly prompts: boolean;
  readonly resources: boolean;
  /** URIs of resources, by the slug of their server and under its own names. */
  readonly uris: ReadonlyMap<string, readonly string[]>;
  /** Slugs of the servers that have a session with the client's session. */
  readonly called: readonly string[];
}

const listChanges: ReadonlyMap<string, 'tools' | 'prompts' | 'resources'> = new Map([
  ['notifications/tools/list_changed', 'tools'],
  ['notifications/prompts/list_changed', 'prompts'],
  ['notifications/resources/list_changed', 'resources'],
]);
/** The list that a notification says to have changed. */
export const changedList = (method: string): 'tools' | 'prompts' | 'resources' | undefined =>
  listChanges.get(method);

export const UPDATED = 'notifications/resources/updated';
export const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged';

/**
 * Whether a server may ask this client something beside the stream of a call. Many servers of the legacy era do: their SDKs send
 * a question there that is not tied to the call (2025-11-25, transports, Listening for Messages from the Server).
 */
export function mayAskUnasked(
  { era, transport }: Pick<Discovery, 'era' | 'transport'>,
  session: ClientSession | undefined,
): boolean {
  const features = Object.keys(carriedFeatures(session?.capabilities ?? {}));
  return era === 'legacy' && transport !== 'sse' && features.length > 0;
}

/** Whether a server says that it tells of changes. */
export function speaksUnasked(capabilities: JsonObject): boolean {
  return ['tools', 'prompts', 'resources'].some((name) => {
    const capability = capabilities[name];
    return (
      typeof capability === 'object' &&
      capability !== null &&
      (('listChanged' in capability && capability.listChanged === true) ||
        ('subscribe' in capability && capability.subscribe === true))
    );
  });
}
