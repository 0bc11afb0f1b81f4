import { SERVER_TIMING, stage } from '../../platform/telemetry/serverTiming.ts';
import type { Era } from '../../registry/records/era.ts';
import { type Call, invalid, type Method, noMethod, ownResult, type Parts } from './call.ts';
import { isObject, type JsonObject } from '../protocol/jsonRpc.ts';
import {
  GATEWAY_INFO,
  LATEST_LEGACY,
  LEGACY_VERSIONS,
  LOG_LEVELS,
  META,
  SUPPORTED_VERSIONS,
} from '../protocol/versions.ts';
import type { HubDeps } from '../listen/feed.ts';
import { listenModern } from '../listen/listen.ts';
import { LISTEN } from '../upstream/subscription.ts';
import { callOwnTool } from './callBuiltInTool.ts';
import { DEGRADED_FRESH, REGISTRY_FRESH } from '../protocol/freshness.ts';
import { toJsonRpcError } from '../protocol/errorCodes.ts';
import { outcomeResponse } from '../protocol/responses.ts';
import { createRelayed } from './forward.ts';
import { canShare, type ClientSessions, MAX_PART_BYTES } from '../session/clientSessions.ts';
import type { Resting } from '../upstream/circuitBreaker.ts';
import { KEYS, LISTS, type ListKind, type Profile, type View } from '../catalogue/view.ts';

/** Answers a request by its method: some the gateway answers itself, the others go to a server. */
export function createMethods(parts: Parts, hubDeps: HubDeps): Method {
  const relayed = createRelayed(parts);
  const own: Record<Era, ReadonlyMap<string, Method>> = {
    legacy: new Map<string, Method>([
      ['initialize', (call) => initialize(call, parts.sessions)],
      ['ping', ({ inbound }) => ownResult(inbound, {})],
      ['logging/setLevel', setLevel],
      ['resources/subscribe', (call) => subscribe(call, relayed)],
      ['resources/unsubscribe', (call) => subscribe(call, relayed)],
    ]),
    modern: new Map<string, Method>([
      ['server/discover', discover],
      [LISTEN, (call) => listenModern(call, hubDeps)],
    ]),
  };
  return (call) => {
    const { inbound, view } = call;
    const { method } = inbound.message;
    const answered = own[inbound.era].get(method);
    if (answered !== undefined) return answered(call);
    if (notOf[inbound.era].has(method)) return noMethod(inbound);
    const kind = LISTS.get(method);
    if (kind !== undefined) return list(call, view, kind, relayed, parts.resting);
    return callOwnTool(call, parts) ?? relayed(call);
  };
}

/** Methods of the other era. */
const notOf: Record<Era, ReadonlySet<string>> = {
  legacy: new Set(['server/discover', LISTEN]),
  modern: new Set(['initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'resources/unsubscribe']),
};

/**
 * 2025-11-25, lifecycle, Version Negotiation. The session that is opened is for what one request cannot say: what the client
 * can be asked, and what it subscribes to. A client that does not send it back is served all the same.
 */
async function initialize({ inbound, request, view }: Call, sessions: ClientSessions): Promise<Response> {
  const params = inbound.message.params ?? {};
  const { protocolVersion: requested, capabilities, clientInfo } = params;
  if (typeof requested !== 'string') {
    return invalid(inbound, 'params.protocolVersion must name the version that the client speaks.');
  }
  const token = sessions.open(request.principal, view.endpoint, {
    capabilities: isObject(capabilities) ? capabilities : {},
    clientInfo: isObject(clientInfo) ? clientInfo : undefined,
  });
  const { serverInfo = GATEWAY_INFO, ...profile } = await view.profile('legacy');
  const response = ownResult(inbound, {
    protocolVersion: LEGACY_VERSIONS.includes(requested) ? requested : LATEST_LEGACY,
    ...said(profile),
    serverInfo,
  });
  response.headers.set('mcp-session-id', token);
  return response;
}

/** 2026-07-28, server/discover. */
async function discover({ inbound, view }: Call): Promise<Response> {
  const { serverInfo, ...profile } = await view.profile('modern');
  return ownResult(inbound, {
    supportedVersions: SUPPORTED_VERSIONS,
    ...said(profile),
    ...REGISTRY_FRESH,
    ...(serverInfo && { _meta: { [META.serverInfo]: serverInfo } }),
  });
}

const said = ({ capabilities, instructions }: Profile): JsonObject => ({
  capabilities,
  ...(instructions !== undefined && { instructions }),
});

/** 2025-11-25, utilities/logging. Servers are told with the next call to them. */
async function setLevel({ inbound, session }: Call): Promise<Response> {
  const level = inbound.message.params?.['level'];
  if (typeof level !== 'string' || !LOG_LEVELS.includes(level))
    return invalid(inbound, `params.level must be one of ${LOG_LEVELS.join(', ')}.`);
  await session?.change((now) => ({ ...now, logLevel: level }));
  return ownResult(inbound, {});
}

/**
 * 2025-11-25, server/resources, Subscriptions. A legacy server is told in its session; for a modern one the stream that the
 * client listens on does it.
 */
async function subscribe(call: Call, relayed: Method): Promise<Response> {
  const { inbound, view, session } = call;
  const { method, params = {} } = inbound.message;
  const routed = await view.route(method, params);
  if (!routed.ok) return relayed(call);
  const { server, params: own } = routed.value;
  const uri = own['uri'];
  if (typeof uri !== 'string') return invalid(inbound, 'params.uri must be the URI of a resource.');
  if (session === undefined)
    return invalid(inbound, 'A subscription needs a session: send the header Mcp-Session-Id.');
  const isMore = method === 'resources/subscribe';
  const { subscriptions } = await session.change((now) => {
    const others = (now.subscriptions.get(server.slug) ?? []).filter((known) => known !== uri);
    const uris = isMore ? [...others, uri].slice(-MAX_SUBSCRIPTIONS) : others;
    const subscriptions = new Map([...now.subscriptions, [server.slug, uris]]);
    return canShare(subscriptions) ? { ...now, subscriptions } : now;
  });
  if (isMore && subscriptions.get(server.slug)?.includes(uri) !== true) {
    const message = `The subscriptions of this session are longer than ${MAX_PART_BYTES} bytes: unsubscribe from others first.`;
    return outcomeResponse(inbound.era, inbound.message.id, {
      error: toJsonRpcError({ kind: 'too_large', message }),
    });
  }
  return server.discovery.era === 'legacy' ? relayed(call) : ownResult(inbound, {});
}

/** Of one session with one server; the oldest are given up. */
const MAX_SUBSCRIPTIONS = 100;

/** Items in one page: more than any server has, and few enough to be read at once. */
const PAGE = 1_000;

async function list(
  call: Call,
  view: View,
  kind: ListKind,
  relayed: Method,
  resting: Resting,
): Promise<Response> {
  const { inbound, request } = call;
  const askedAt = performance.now();
  const items = await view.list(kind, inbound.era);
  if (items === undefined) return relayed(call);
  const catalogueMs = call.viewMs + performance.now() - askedAt;
  const cursor = inbound.message.params?.['cursor'];
  const from = cursor === undefined ? 0 : positionAfter(items, kind, cursor);
  if (from === undefined) return invalid(inbound, 'params.cursor is not one that an earlier page gave.');
  const page = items.slice(from, from + PAGE);
  const shown = new Set((await view.servers()).map(({ slug }) => slug));
  const degraded = (await resting.all(request.principal.tenantId)).filter((slug) => shown.has(slug));
  const nextCursor = from + PAGE < items.length ? cursorAt(kind, page.at(-1)) : undefined;
  const response = ownResult(inbound, {
    [kind]: page,
    ...(nextCursor !== undefined && { nextCursor }),
    ...(degraded.length > 0 && { _meta: { [DEGRADED]: degraded } }),
    ...(inbound.era === 'modern' && (degraded.length > 0 ? DEGRADED_FRESH : REGISTRY_FRESH)),
  });
  response.headers.append(SERVER_TIMING, stage('catalogue', catalogueMs));
  return response;
}

/** In `_meta` of a list: the servers that do not answer at present. What they offer is listed as it was last known. */
const DEGRADED = 'mcp-registry-gateway/degraded';

const cursorAt = (kind: ListKind, item: JsonObject | undefined): string =>
  Buffer.from(String(item?.[KEYS[kind]])).toString('base64url');

/** By the last item's name, not by its place: what is registered meanwhile shifts no page. */
function positionAfter(items: readonly JsonObject[], kind: ListKind, cursor: unknown): number | undefined {
  if (typeof cursor !== 'string' || !/^[\w-]+$/.test(cursor)) return undefined;
  const last = Buffer.from(cursor, 'base64url').toString();
  const index = items.findIndex((item) => String(item[KEYS[kind]]) === last);
  return index === -1 ? undefined : index + 1;
}
