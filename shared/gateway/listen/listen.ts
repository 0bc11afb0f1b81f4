import type { DomainError } from '../../platform/base/errors.ts';
import { toProblem } from '../../platform/http/problem.ts';
import type { Taken } from '../../platform/concurrency/tenantShare.ts';
import { type Call, callerOf, invalid, type Parts } from '../calls/call.ts';
import { toJsonRpcError } from '../protocol/errorCodes.ts';
import { isObject, type JsonObject, type JsonRpcNotification } from '../protocol/jsonRpc.ts';
import { META, metaOf } from '../protocol/versions.ts';
import type { McpRequest } from '../calls/request.ts';
import { eventResponse, jsonResponse, outcomeResponse } from '../protocol/responses.ts';
import type { ClientSession } from '../session/clientSessions.ts';
import { COMMENT, encodeEvent } from '../protocol/sse.ts';
import { dressResult } from '../protocol/translate.ts';
import type { View } from '../catalogue/view.ts';
import { hearable, type HubDeps, openHub } from './feed.ts';
import { ACKNOWLEDGED, type Wanted } from '../upstream/subscription.ts';

/** Subscriptions of one client: more than a person keeps an eye on. */
const MAX_URIS = 200;

/** `subscriptions/listen` (2026-07-28, utilities/subscriptions): first what is honoured, then what happens, at last a result. */
export async function listenModern({ inbound, request, view }: Call, deps: HubDeps): Promise<Response> {
  const { id, params = {} } = inbound.message;
  const asked = params['notifications'];
  if (!isObject(asked)) return invalid(inbound, 'params.notifications must say what to listen for.');
  const given = asked['resourceSubscriptions'];
  const list = given === undefined ? [] : given;
  if (!Array.isArray(list) || list.length > MAX_URIS)
    return invalid(inbound, `params.notifications.resourceSubscriptions must be at most ${MAX_URIS} URIs.`);
  const can = hearable((await view.profile('modern')).capabilities);
  const uris = new Map<string, string[]>();
  const honoured: unknown[] = [];
  for (const uri of list as unknown[]) {
    const routed = await view.route('resources/subscribe', { uri });
    if (!routed.ok) continue;
    const { server, params: own } = routed.value;
    uris.set(server.slug, [...(uris.get(server.slug) ?? []), String(own['uri'])]);
    honoured.push(uri);
  }
  const wanted: Wanted = {
    tools: can.tools && asked['toolsListChanged'] === true,
    prompts: can.prompts && asked['promptsListChanged'] === true,
    resources: can.resources && asked['resourcesListChanged'] === true,
    uris,
    called: [],
  };
  const notifications = {
    ...(wanted.tools && { toolsListChanged: true }),
    ...(wanted.prompts && { promptsListChanged: true }),
    ...(wanted.resources && { resourcesListChanged: true }),
    ...(honoured.length > 0 && { resourceSubscriptions: honoured }),
  };
  const place = deps.streams.take(request.principal.tenantId);
  if (place.kind !== 'taken') {
    return outcomeResponse('modern', id, { error: toJsonRpcError(tooManyStreams(place)) });
  }
  const hub = openHub(
    deps,
    view,
    callerOf(request, undefined),
    request.trace,
    () => Promise.resolve(wanted),
    place.leave,
  );
  const stamp = { [META.subscriptionId]: id };
  const stamped = (notification: JsonRpcNotification) => ({
    ...notification,
    params: { ...notification.params, _meta: { ...metaOf(notification.params), ...stamp } },
  });
  let isAcknowledged = false;
  return eventResponse({
    async next() {
      if (!isAcknowledged) {
        await hub.ready;
        isAcknowledged = true;
        const acknowledged = { jsonrpc: '2.0', method: ACKNOWLEDGED, params: { notifications } } as const;
        return { event: encodeEvent(stamped(acknowledged)), last: false };
      }
      for (;;) {
        const heard = await hub.next();
        if (heard === undefined) {
          const result: JsonObject = dressResult({ _meta: stamp });
          return { event: encodeEvent({ jsonrpc: '2.0', id, result }), last: true };
        }
        // A modern client cannot be asked over a stream.
        if (heard.kind === 'notification')
          return { event: encodeEvent(stamped(heard.notification)), last: false };
      }
    },
    cancel: hub.close,
  });
}

/** GET (2025-11-25, transports, Listening for Messages from the Server). Of one session only the newest stream is served. */
export async function listenLegacy(
  request: McpRequest,
  view: View,
  session: ClientSession,
  parts: Parts,
  deps: HubDeps,
): Promise<Response> {
  const lists = hearable((await view.profile('legacy')).capabilities);
  const place = deps.streams.take(request.principal.tenantId);
  if (place.kind !== 'taken') {
    const error = tooManyStreams(place);
    return jsonResponse(toProblem(error).status, null, { error: toJsonRpcError(error) });
  }
  const streamId = parts.newId();
  try {
    await session.change((now) => ({ ...now, stream: streamId }));
  } catch (error) {
    place.leave();
    throw error;
  }
  const caller = callerOf(request, session);
  const hub = openHub(
    deps,
    view,
    caller,
    request.trace,
    async () => {
      const { ended, stream, subscriptions, upstream } = await session.shared();
      if (ended || stream !== streamId) return undefined;
      return { ...lists, uris: subscriptions, called: [...upstream.keys()] };
    },
    place.leave,
  );
  const { listeners } = parts;
  listeners.set(session.id, hub);
  const leave = () => {
    if (listeners.get(session.id) === hub) listeners.delete(session.id);
  };
  return eventResponse({
    async next() {
      const heard = await hub.next();
      if (heard === undefined) {
        leave();
        return { event: COMMENT, last: true };
      }
      if (heard.kind === 'notification') return { event: encodeEvent(heard.notification), last: false };
      const { server, request: asked, replyTo } = heard;
      const question = { slug: server.slug, id: asked.id, replyTo };
      const id = parts.questions.idFor(request.principal, session, question);
      return { event: encodeEvent({ ...asked, id }), last: false };
    },
    cancel() {
      leave();
      hub.close();
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
