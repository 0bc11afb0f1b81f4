import { isLongerThan } from '../../platform/base/json.ts';
import { SERVER_TIMING, stage } from '../../platform/telemetry/serverTiming.ts';
import type { Era } from '../../registry/records/era.ts';
import { KEYS, type ListKind, LISTS, type Profile } from '../catalogue/view.ts';
import { listenModern } from '../listen/listen.ts';
import { GATEWAY_INFO, LOG_LEVELS, META } from '../protocol/envelope.ts';
import { toJsonRpcError } from '../protocol/errorCodes.ts';
import { DEGRADED_FRESH, REGISTRY_FRESH } from '../protocol/freshness.ts';
import { isObject, type JsonObject } from '../protocol/jsonRpc.ts';
import {
  LIST_PAGE_SIZE,
  MAX_LIST_PAGE_LENGTH,
  MAX_PART_BYTES,
  MAX_SUBSCRIPTIONS,
} from '../protocol/limits.ts';
import { LISTEN } from '../protocol/notifications.ts';
import { invalid, noMethod, outcomeResponse, ownResult } from '../protocol/responses.ts';
import { LATEST_LEGACY, LEGACY_VERSIONS, SUPPORTED_VERSIONS } from '../protocol/versions.ts';
import type { ClientSessions } from '../session/clientSessions.ts';
import { eraOf } from '../upstream/connector.ts';
import { canShare } from '../upstream/sessionPool.ts';
import type { Call, Method } from './call.ts';
import { callBuiltInTool } from './callBuiltInTool.ts';
import { createForward } from './forward.ts';
import type { Parts } from './parts.ts';

/** Answers a request by its method: the gateway answers some itself and forwards the others to a server. */
export function createMethods(parts: Parts): Method {
  const forward = createForward(parts);
  const own: Record<Era, ReadonlyMap<string, Method>> = {
    legacy: new Map<string, Method>([
      ['initialize', (call) => initialize(call, parts.sessions)],
      ['ping', ({ inbound }) => ownResult(inbound, {})],
      ['logging/setLevel', setLevel],
      ['resources/subscribe', (call) => subscribe(call, forward)],
      ['resources/unsubscribe', (call) => subscribe(call, forward)],
    ]),
    modern: new Map<string, Method>([
      ['server/discover', discover],
      [
        LISTEN,
        ({ inbound, request, view, caller }) =>
          listenModern(inbound, { view, caller, trace: request.trace }, parts),
      ],
    ]),
  };
  /** The methods of one era alone. Clients of the other era do not have them. */
  const ofOneEra = new Set(Object.values(own).flatMap((methods) => [...methods.keys()]));
  return (call) => {
    const { method, params } = call.inbound.message;
    const answer = own[call.inbound.client.era].get(method);
    if (answer !== undefined) return answer(call);
    if (ofOneEra.has(method)) return noMethod(call.inbound);
    const kind = LISTS.get(method);
    if (kind !== undefined) return list(call, kind, forward, parts);
    const { builtInTools } = parts;
    if (builtInTools && method === 'tools/call' && call.view.builtInTool) {
      const shown = params?.['name'];
      const name = typeof shown === 'string' ? call.view.builtInTool(shown) : undefined;
      if (name !== undefined) return callBuiltInTool(call, String(shown), name, builtInTools, parts);
    }
    return forward(call);
  };
}

/**
 * 2025-11-25, lifecycle, Version Negotiation. Opens a session, which holds the client's capabilities and subscriptions. A client
 * that does not send the session back is served too.
 */
async function initialize({ inbound, request, view }: Call, sessions: ClientSessions): Promise<Response> {
  const params = inbound.message.params ?? {};
  const { protocolVersion: requested, capabilities, clientInfo } = params;
  if (typeof requested !== 'string') {
    return invalid(inbound, 'params.protocolVersion must name the version that the client speaks.');
  }
  const token = sessions.open(request.actor, view.endpoint, {
    capabilities: isObject(capabilities) ? capabilities : {},
    clientInfo: isObject(clientInfo) ? clientInfo : undefined,
  });
  const { serverInfo = GATEWAY_INFO, ...profile } = await view.profile();
  const response = ownResult(inbound, {
    protocolVersion: LEGACY_VERSIONS.includes(requested) ? requested : LATEST_LEGACY,
    ...described(profile),
    serverInfo,
  });
  response.headers.set('mcp-session-id', token);
  return response;
}

/** 2026-07-28, server/discover. */
async function discover({ inbound, view }: Call): Promise<Response> {
  const { serverInfo, ...profile } = await view.profile();
  return ownResult(inbound, {
    supportedVersions: SUPPORTED_VERSIONS,
    ...described(profile),
    ...REGISTRY_FRESH,
    ...(serverInfo && { _meta: { [META.serverInfo]: serverInfo } }),
  });
}

const described = ({ capabilities, instructions }: Profile): JsonObject => ({
  capabilities,
  ...(instructions !== undefined && { instructions }),
});

/** 2025-11-25, utilities/logging. The next call to a server sets its level. */
async function setLevel({ inbound, caller }: Call): Promise<Response> {
  const level = inbound.message.params?.['level'];
  if (typeof level !== 'string' || !LOG_LEVELS.includes(level))
    return invalid(inbound, `params.level must be one of ${LOG_LEVELS.join(', ')}.`);
  await caller.session?.change((now) => ({ ...now, logLevel: level }));
  return ownResult(inbound, {});
}

/**
 * 2025-11-25, server/resources, Subscriptions. A legacy server gets the request. For a modern server the listening stream of the
 * client subscribes.
 */
async function subscribe(call: Call, forward: Method): Promise<Response> {
  const { inbound, view, caller } = call;
  const { session } = caller;
  const { method, params = {} } = inbound.message;
  const routed = await view.route(method, params);
  if (!routed.ok) return forward(call);
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
    return outcomeResponse(inbound.client, inbound.message.id, {
      error: toJsonRpcError({ kind: 'too_large', message }),
    });
  }
  return eraOf(server.discovery).subscribesByRequest ? forward(call) : ownResult(inbound, {});
}

async function list(
  call: Call,
  kind: ListKind,
  forward: Method,
  { circuitBreaker }: Parts,
): Promise<Response> {
  const { inbound, request, view, caller } = call;
  const askedAt = performance.now();
  const { client } = inbound;
  const items = await view.list(kind, { client, capabilities: caller.capabilities ?? {} });
  if (items === undefined) return forward(call);
  const catalogueMs = call.viewMs + performance.now() - askedAt;
  const cursor = inbound.message.params?.['cursor'];
  const from = cursor === undefined ? 0 : positionAfter(items, kind, cursor);
  if (from === undefined) return invalid(inbound, 'params.cursor is not a cursor of an earlier page.');
  const page = pageFrom(items, from);
  const servers = await view.servers();
  const shown = new Set(servers.map(({ slug }) => slug));
  const withoutAccount = servers.filter(({ discovery }) => discovery.awaitsAccount).map(({ slug }) => slug);
  const degraded = (await circuitBreaker.openServers(request.actor.tenantId)).filter((slug) =>
    shown.has(slug),
  );
  const isPassing = degraded.length > 0 || withoutAccount.length > 0;
  const nextCursor = from + page.length < items.length ? cursorAt(kind, page.at(-1)) : undefined;
  const response = ownResult(inbound, {
    [kind]: page,
    ...(nextCursor !== undefined && { nextCursor }),
    ...(isPassing && {
      _meta: {
        ...(degraded.length > 0 && { [DEGRADED]: degraded }),
        ...(withoutAccount.length > 0 && { [SIGN_IN_NEEDED]: withoutAccount }),
      },
    }),
    ...inbound.client.cacheHints(isPassing ? DEGRADED_FRESH : REGISTRY_FRESH),
  });
  response.headers.append(SERVER_TIMING, stage('catalogue', catalogueMs));
  return response;
}

/** In `_meta` of a list: the servers that do not answer now. The list has their last known items. */
const DEGRADED = 'mcp-registry-gateway/degraded';
/** The servers at which the user has no account yet. The list has what all users see of them. */
const SIGN_IN_NEEDED = 'mcp-registry-gateway/signInNeeded';

const cursorAt = (kind: ListKind, item: JsonObject | undefined): string =>
  Buffer.from(String(item?.[KEYS[kind]])).toString('base64url');

/** Returns the items of a page: at most `LIST_PAGE_SIZE`, and no more than clients take in one message. */
function pageFrom(items: readonly JsonObject[], from: number): readonly JsonObject[] {
  const page = items.slice(from, from + LIST_PAGE_SIZE);
  if (!isLongerThan(page, MAX_LIST_PAGE_LENGTH)) return page;
  let left = MAX_LIST_PAGE_LENGTH;
  const end = page.findIndex((item) => (left -= JSON.stringify(item).length) < 0);
  return end === -1 ? page : page.slice(0, Math.max(1, end));
}

/** A cursor names the last item, not its position, so a new registration does not shift the pages. */
function positionAfter(items: readonly JsonObject[], kind: ListKind, cursor: unknown): number | undefined {
  if (typeof cursor !== 'string' || !/^[\w-]+$/.test(cursor)) return undefined;
  const last = Buffer.from(cursor, 'base64url').toString();
  const index = items.findIndex((item) => String(item[KEYS[kind]]) === last);
  return index === -1 ? undefined : index + 1;
}
