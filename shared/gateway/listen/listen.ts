import type { DomainError } from '../../platform/base/errors.ts';
import type { IdSource } from '../../platform/base/ids.ts';
import type { Taken } from '../../platform/concurrency/tenantShare.ts';
import { toProblem } from '../../platform/http/problem.ts';
import type { Trace } from '../../platform/telemetry/trace.ts';
import type { View } from '../catalogue/view.ts';
import type { InboundRequest } from '../protocol/classify.ts';
import { META, metaOf } from '../protocol/envelope.ts';
import { toJsonRpcError } from '../protocol/errorCodes.ts';
import { isObject, type JsonRpcNotification } from '../protocol/jsonRpc.ts';
import { legacyClient } from '../protocol/legacyClient.ts';
import { MAX_LISTEN_URIS } from '../protocol/limits.ts';
import { ACKNOWLEDGED, announcedLists, listenParams } from '../protocol/notifications.ts';
import { invalid, jsonResponse, outcomeResponse } from '../protocol/responses.ts';
import { COMMENT, encodeEvent, eventResponse } from '../protocol/sse.ts';
import type { ServerRequests } from '../session/serverRequests.ts';
import type { ClientSession, UpstreamCaller } from '../upstream/connection.ts';
import type { Subscription } from '../upstream/upstreamEra.ts';
import { type Feed, type FeedDeps, openFeed } from './feed.ts';

/** Who listens to an endpoint. */
export interface Listener {
  readonly view: View;
  readonly caller: UpstreamCaller;
  readonly trace: Trace;
}

/** Feeds of sessions on this instance, by session id. */
export type Feeds = Map<string, Feed>;

/**
 * `subscriptions/listen` (2026-07-28, utilities/subscriptions): first an acknowledgement of what the gateway subscribes to, then
 * the notifications, at last a result.
 */
export async function listenModern(
  inbound: InboundRequest,
  { view, caller, trace }: Listener,
  deps: FeedDeps,
): Promise<Response> {
  const { client, message } = inbound;
  const { id, params = {} } = message;
  const asked = params['notifications'];
  if (!isObject(asked)) return invalid(inbound, 'params.notifications must be an object.');
  const given = asked['resourceSubscriptions'];
  const list = given === undefined ? [] : given;
  if (!Array.isArray(list) || list.length > MAX_LISTEN_URIS)
    return invalid(
      inbound,
      `params.notifications.resourceSubscriptions must be at most ${MAX_LISTEN_URIS} URIs.`,
    );
  const announced = announcedLists((await view.profile()).capabilities);
  const uris = new Map<string, string[]>();
  const subscribed: unknown[] = [];
  for (const uri of list as unknown[]) {
    const routed = await view.route('resources/subscribe', { uri });
    if (!routed.ok) continue;
    const { server, params: own } = routed.value;
    if (typeof own['uri'] !== 'string') continue;
    uris.set(server.slug, [...(uris.get(server.slug) ?? []), own['uri']]);
    subscribed.push(uri);
  }
  const wanted: Subscription = {
    tools: announced.tools && asked['toolsListChanged'] === true,
    prompts: announced.prompts && asked['promptsListChanged'] === true,
    resources: announced.resources && asked['resourcesListChanged'] === true,
    uris,
    called: [],
  };
  const notifications = listenParams(wanted, subscribed);
  const opened = deps.streams.open(caller.actor, (onClose) =>
    openFeed(deps, view, client, caller, trace, () => Promise.resolve(wanted), onClose),
  );
  if (opened.kind !== 'open') {
    return outcomeResponse(client, id, { error: toJsonRpcError(tooManyStreams(opened)) });
  }
  const feed = opened.stream;
  const stamp = { [META.subscriptionId]: id };
  const stamped = (notification: JsonRpcNotification) => ({
    ...notification,
    params: { ...notification.params, _meta: { ...metaOf(notification.params), ...stamp } },
  });
  let isAcknowledged = false;
  return eventResponse({
    async next() {
      if (!isAcknowledged) {
        await feed.ready;
        isAcknowledged = true;
        const acknowledged = { jsonrpc: '2.0', method: ACKNOWLEDGED, params: { notifications } } as const;
        return { event: encodeEvent(stamped(acknowledged)), last: false };
      }
      for (;;) {
        const item = await feed.next();
        if (item === undefined) {
          const result = client.ownResult({ _meta: stamp });
          return { event: encodeEvent({ jsonrpc: '2.0', id, result }), last: true };
        }
        // A modern client takes no server requests on a stream.
        if (item.kind === 'notification')
          return { event: encodeEvent(stamped(item.notification)), last: false };
      }
    },
    cancel: feed.close,
  });
}

/** GET (2025-11-25, transports, Listening for Messages from the Server). Only the newest stream of a session is served. */
export async function listenLegacy(
  { view, caller, trace }: Listener,
  session: ClientSession,
  feeds: Feeds,
  deps: FeedDeps & { readonly newId: IdSource; readonly serverRequests: Pick<ServerRequests, 'idFor'> },
): Promise<Response> {
  const { actor } = caller;
  const lists = announcedLists((await view.profile()).capabilities);
  const streamId = deps.newId();
  await session.change((now) => ({ ...now, stream: streamId }));
  const wanted = async (): Promise<Subscription | undefined> => {
    const { ended, stream, subscriptions, upstream } = await session.shared();
    if (ended || stream !== streamId) return undefined;
    return { ...lists, uris: subscriptions, called: [...upstream.keys()] };
  };
  const opened = deps.streams.open(actor, (onClose) =>
    openFeed(deps, view, legacyClient, caller, trace, wanted, onClose),
  );
  if (opened.kind !== 'open') {
    const error = tooManyStreams(opened);
    return jsonResponse(toProblem(error).status, null, { error: toJsonRpcError(error) });
  }
  const feed = opened.stream;
  // At this instance the older stream of the session ends at once.
  feeds.get(session.id)?.close();
  feeds.set(session.id, feed);
  const leave = () => {
    if (feeds.get(session.id) === feed) feeds.delete(session.id);
  };
  return eventResponse({
    async next() {
      const item = await feed.next();
      if (item === undefined) {
        leave();
        return { event: COMMENT, last: true };
      }
      if (item.kind === 'notification') return { event: encodeEvent(item.notification), last: false };
      const { server, request, replyTo } = item;
      const asked = { slug: server.slug, id: request.id, replyTo };
      const id = deps.serverRequests.idFor(actor, session, asked);
      return { event: encodeEvent({ ...request, id }), last: false };
    },
    cancel() {
      leave();
      feed.close();
    },
  });
}

const tooManyStreams = ({ kind, atMost }: Exclude<Taken, { kind: 'taken' }>): DomainError => ({
  kind: 'exhausted',
  message:
    kind === 'full'
      ? `All ${atMost} event streams of this instance are open. Try again later.`
      : `Your tenant has ${atMost} event streams open, which is its share. Close one, or try again later.`,
});
