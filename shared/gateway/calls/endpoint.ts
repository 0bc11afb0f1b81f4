import { createFairQueue } from '../../platform/concurrency/fairQueue.ts';
import { toProblem } from '../../platform/http/problem.ts';
import { createTenantPlaces } from '../../platform/concurrency/tenantShare.ts';
import type { Principal } from '../../identity/access/actor.ts';
import type { GatewayDeps, McpPost, McpRequest } from './request.ts';
import { classify, type Refused } from '../protocol/classify.ts';
import { INVALID_REQUEST, toJsonRpcError } from '../protocol/errorCodes.ts';
import type { Outcome, RequestId } from '../protocol/jsonRpc.ts';
import { createInFlight } from './cancellation.ts';
import { callerOf, type Parts, signedInWith } from './call.ts';
import { createMethods } from './methods.ts';
import type { HubDeps } from '../listen/feed.ts';
import { listenLegacy } from '../listen/listen.ts';
import { mayAskUnasked, speaksUnasked } from '../upstream/subscription.ts';
import { createRefresh } from '../catalogue/refresh.ts';
import { OWN_SLUG } from '../../registry/records/server.ts';
import { faultOutcome, faultResponse } from './faultResponse.ts';
import { jsonResponse } from '../protocol/responses.ts';
import { deliverAnswer } from './deliverAnswer.ts';
import { type ClientSession, createClientSessions } from '../session/clientSessions.ts';
import { createQuestions } from '../session/serverRequests.ts';
import { tellServers } from './notifyServers.ts';
import { createConnector } from '../upstream/connector.ts';
import { createGuard } from '../upstream/protection.ts';
import { createResting } from '../upstream/circuitBreaker.ts';
import { aggregateView } from '../catalogue/aggregateView.ts';
import { createCatalogue } from '../catalogue/catalogue.ts';
import { ownToolsView, withOwnTools } from '../catalogue/builtInToolsView.ts';
import { createPersonalCatalogue } from '../catalogue/personalCatalogue.ts';
import { serverView } from '../catalogue/serverView.ts';
import { toolsetView } from '../catalogue/toolsetView.ts';
import type { View } from '../catalogue/view.ts';

/** The MCP endpoints, by HTTP method. Each always answers and never throws; errors are JSON-RPC errors. */
export interface McpEndpoints {
  /** Answering may take as long as a call may, which is 100 seconds, and longer where a person is asked. */
  readonly post: (request: McpPost) => Promise<Response>;
  /** Opens the stream of what is said unasked in a session of the legacy era. */
  readonly listen: (request: McpRequest) => Promise<Response>;
  /** Ends a session of the legacy era. */
  readonly remove: (request: McpRequest) => Promise<Response>;
}

/** Servers that an instance discovers at once. Each takes a connection and up to 400 KiB of JSON. */
const DISCOVERIES_AT_ONCE = 32;
/** Event streams that clients may have open at one instance. Each reads the state every two seconds. */
const CLIENT_STREAMS = 1_000;

/**
 * The MCP endpoints that front the active servers of the caller's tenant, for clients of both eras: Streamable HTTP of
 * 2025-03-26 to 2025-11-25, and of 2026-07-28. Any instance answers any request.
 */
export function createMcpEndpoints(deps: GatewayDeps): McpEndpoints {
  const { shortLived: state, clock, newId, seal } = deps;
  const everybodys = createCatalogue(deps);
  const sessions = createClientSessions({ state, clock, newId, seal });
  const resting = createResting({ state, clock });
  const tenants = deps.tenants.size;
  const guard = createGuard(resting, tenants);
  const discoveries = createFairQueue(DISCOVERIES_AT_ONCE, tenants);
  const personal = createPersonalCatalogue({ ...deps, discoveries });
  const parts: Parts = {
    ...deps,
    sessions,
    questions: createQuestions({ state, seal }),
    connector: createConnector(deps.outboundTo, newId, guard),
    resting,
    inFlight: createInFlight(),
    listeners: new Map(),
    refresh: createRefresh({ ...deps, discoveries }, everybodys.forget),
    find: everybodys.find,
  };
  const hubDeps: HubDeps = {
    connector: parts.connector,
    guard,
    streams: createTenantPlaces(CLIENT_STREAMS, tenants),
    refresh: parts.refresh,
    version: (tenantId) => deps.visibleServers.version(tenantId),
  };
  const answerRequest = createMethods(parts, hubDeps);

  async function viewOf(request: McpRequest): Promise<View | undefined> {
    const { front, principal } = request;
    const { tenantId } = principal;
    const { ownTools } = deps;
    const catalogue = personal(everybodys, () => signedInWith(request));
    if (front.kind === 'all') {
      const view = aggregateView(catalogue, tenantId);
      return ownTools ? withOwnTools(view, ownTools, principal) : view;
    }
    if (front.kind === 'toolset') {
      const toolset = await catalogue.toolset(tenantId, front.slug);
      return toolset && toolsetView(toolset, catalogue);
    }
    if (front.slug === OWN_SLUG) return ownTools && ownToolsView(ownTools, principal);
    const server = await catalogue.find(tenantId, front.slug);
    return server && serverView(server, catalogue, tenantId);
  }

  /** The session that a request names; `unknown` when it names one that is not, or no longer, the caller's here. */
  async function sessionOf(
    headers: Headers,
    principal: Principal,
    view: View,
  ): Promise<ClientSession | undefined | 'unknown'> {
    const token = headers.get(SESSION);
    return token === null ? undefined : ((await sessions.find(principal, view.endpoint, token)) ?? 'unknown');
  }

  async function post(request: McpPost): Promise<Response> {
    const inbound = classify(request.headers, request.message);
    if (inbound.kind === 'refused') return refusal(inbound);
    const beganAt = performance.now();
    const view = await viewOf(request);
    const viewMs = performance.now() - beganAt;
    if (view === undefined) return noSuchEndpoint('id' in inbound ? inbound.id : idOf(inbound));
    const isLegacy = inbound.kind === 'response' || inbound.era === 'legacy';
    const begins = inbound.kind === 'request' && inbound.message.method === 'initialize';
    const session =
      isLegacy && !begins ? await sessionOf(request.headers, request.principal, view) : undefined;
    if (session === 'unknown') return noSuchSession(idOf(inbound));
    switch (inbound.kind) {
      case 'notification':
        if (session) {
          parts.inFlight.hear(session.id, inbound.message);
          await tellServers(inbound.message, { request, session, view }, parts);
        }
        return taken();
      case 'response':
        if (session === undefined) return taken();
        return deliverAnswer(inbound, { request, session, view }, parts);
      case 'request':
        return answerRequest({ inbound, request, view, viewMs, session });
    }
  }

  async function listen(request: McpRequest): Promise<Response> {
    const view = await viewOf(request);
    if (view === undefined) return noSuchEndpoint(null);
    const session = await sessionOf(request.headers, request.principal, view);
    const caller = session === 'unknown' ? undefined : session;
    const isQuiet = !(await view.servers()).some(
      ({ discovery }) => speaksUnasked(discovery.capabilities) || mayAskUnasked(discovery, caller),
    );
    if (view.hearsListsOfServers && isQuiet)
      return new Response(null, { status: 405, headers: { allow: 'POST, DELETE' } });
    if (session === undefined) return jsonResponse(400, null, noSession);
    if (session === 'unknown') return noSuchSession(null);
    return listenLegacy(request, view, session, parts, hubDeps);
  }

  async function remove(request: McpRequest): Promise<Response> {
    const view = await viewOf(request);
    if (view === undefined) return noSuchEndpoint(null);
    const session = await sessionOf(request.headers, request.principal, view);
    if (session === undefined) return jsonResponse(400, null, noSession);
    if (session === 'unknown') return noSuchSession(null);
    const { upstream } = await session.change((now) => ({ ...now, ended: true }));
    for (const server of await view.servers()) {
      if (upstream.has(server.slug)) {
        const slot = parts.connector.sessionOf(server, callerOf(request, session));
        // Nobody waits for a server to forget.
        void slot.get().then(
          (opened) => opened.close(),
          () => undefined,
        );
      }
    }
    return new Response(null, { status: 204 });
  }

  const safely =
    <R extends McpRequest>(
      answer: (request: R) => Promise<Response>,
      idOfRequest: (request: R) => RequestId | null,
    ) =>
    async (request: R): Promise<Response> => {
      try {
        return await answer(request);
      } catch (error) {
        const fields = { traceId: request.trace.traceId, tenantId: request.principal.tenantId };
        return faultResponse(idOfRequest(request), error, faultOutcome(error, deps.log, fields));
      }
    };

  return {
    post: safely(post, ({ headers, message }) => {
      const inbound = classify(headers, message);
      return inbound.kind === 'request' ? inbound.message.id : null;
    }),
    listen: safely(listen, () => null),
    remove: safely(remove, () => null),
  };
}

const SESSION = 'mcp-session-id';

const taken = (): Response => new Response(null, { status: 202 });

function idOf(inbound: ReturnType<typeof classify>): RequestId | null {
  return inbound.kind === 'request' ? inbound.message.id : null;
}

function refusal({ status, id, error }: Refused): Response {
  return jsonResponse(status, id, { error });
}

/** What is another tenant's, what takes no calls, and what never was read alike. */
function noSuchEndpoint(id: RequestId | null): Response {
  const error = { kind: 'not_found', message: 'There is no such endpoint.' } as const;
  return jsonResponse(toProblem(error).status, id, { error: toJsonRpcError(error) });
}

/** 2025-11-25, transports, Session Management: the client begins anew. */
function noSuchSession(id: RequestId | null): Response {
  const error = { code: INVALID_REQUEST, message: 'There is no such session: begin one with initialize.' };
  return jsonResponse(404, id, { error });
}
const noSession: Outcome = {
  error: { code: INVALID_REQUEST, message: 'The header Mcp-Session-Id is missing.' },
};
