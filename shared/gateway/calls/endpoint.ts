import { andThen, type Awaitable } from '../../platform/base/awaitable.ts';
import type { DomainError } from '../../platform/base/errors.ts';
import { toProblem } from '../../platform/http/problem.ts';
import { StreamResponse } from '../../platform/http/responses.ts';
import { disabledServer, type View } from '../catalogue/view.ts';
import { listenLegacy } from '../listen/listen.ts';
import { acceptedForm } from '../protocol/accept.ts';
import { classify, type Inbound, type Refused } from '../protocol/classify.ts';
import { INVALID_REQUEST, toJsonRpcError } from '../protocol/errorCodes.ts';
import type { Outcome, RequestId } from '../protocol/jsonRpc.ts';
import { announcesChanges } from '../protocol/notifications.ts';
import { asEvents, faultOutcome, faultResponse, jsonResponse } from '../protocol/responses.ts';
import { noEvents } from '../protocol/sse.ts';
import type { ClientSession } from '../upstream/connection.ts';
import { eraOf } from '../upstream/connector.ts';
import { type Call, callerOf, type GatewayDeps, type McpPost, type McpRequest } from './call.ts';
import { createMethods } from './methods.ts';
import { createParts } from './parts.ts';
import { deliverAnswer, endSession, receiveNotification } from './sessionMessages.ts';

/** The MCP endpoints, by HTTP method. Each returns a response and never throws. Errors are JSON-RPC errors. */
export interface McpEndpoints {
  /** The response may take as long as a call: 100 seconds, and longer while an elicitation is open. */
  readonly post: (request: McpPost) => Promise<Response>;
  /** Opens the stream of server-initiated messages of a legacy session. */
  readonly listen: (request: McpRequest) => Promise<Response>;
  /** Ends a legacy session. */
  readonly remove: (request: McpRequest) => Promise<Response>;
}

/**
 * Creates the MCP endpoints in front of the active servers of the caller's tenant, for clients of both eras: Streamable HTTP of
 * 2025-03-26 to 2025-11-25, and of 2026-07-28. Any instance can answer any request.
 */
export function createMcpEndpoints(deps: GatewayDeps): McpEndpoints {
  const parts = createParts(deps);
  const { viewOf, sessions } = parts;
  const answerRequest = createMethods(parts);

  /** Returns the session that a request names; `unknown` when this actor has no such open session at this endpoint. */
  function sessionOf(
    { headers, actor }: McpRequest,
    view: View,
  ): Awaitable<ClientSession | undefined | 'unknown'> {
    const token = headers.get('mcp-session-id');
    if (token === null) return undefined;
    return andThen(sessions.find(actor, view.endpoint, token), (session) => session ?? 'unknown');
  }

  async function noEndpoint({ front, actor }: McpRequest, id: RequestId | null): Promise<Response> {
    const isDisabled = front.kind === 'server' && (await parts.isDisabled(actor.tenantId, front.slug));
    return noSuchEndpoint(id, isDisabled ? disabledServer(front.slug) : undefined);
  }

  /** Waits only for what is not in memory: most requests name a cached server, and no session. */
  function post(request: McpPost): Awaitable<Response> {
    const inbound = classify(request.headers, request.message);
    if (inbound.kind === 'refused') return jsonResponse(inbound.status, inbound.id, { error: inbound.error });
    const startedAt = performance.now();
    return andThen(viewOf(request), (view) => {
      const viewMs = performance.now() - startedAt;
      if (view === undefined) return noEndpoint(request, idOf(inbound));
      const mayHaveSession = inbound.kind === 'response' || inbound.client.hasSessions;
      const isHandshake = inbound.kind === 'request' && inbound.message.method === 'initialize';
      return andThen(mayHaveSession && !isHandshake ? sessionOf(request, view) : undefined, (session) =>
        session === 'unknown'
          ? noSuchSession(idOf(inbound))
          : answer({ inbound, request, view, viewMs, session }),
      );
    });
  }

  function answer({ inbound, request, view, viewMs, session }: Addressed): Awaitable<Response> {
    const envelope = inbound.kind === 'request' ? inbound.envelope : undefined;
    const caller = callerOf(request, session, envelope);
    switch (inbound.kind) {
      case 'notification': {
        const received = session && receiveNotification(inbound.message, session, { caller, view }, parts);
        return andThen(received, () => new Response(null, { status: 202 }));
      }
      case 'response':
        return session === undefined
          ? new Response(null, { status: 202 })
          : deliverAnswer(inbound, session, { caller, view }, request.signal, parts);
      case 'request': {
        const accepts = acceptedForm(request.headers.get('accept'));
        return session === undefined
          ? answerInForm({ inbound, request, view, viewMs, caller, accepts, onEnd: nothing })
          : answerCancellable({ inbound, request, view, viewMs, caller, accepts }, session);
      }
    }
  }

  /** 2025-11-25, utilities/cancellation: a request that its client cancelled gets no answer. Its HTTP response just ends. */
  async function answerCancellable(call: Omit<Call, 'onEnd'>, session: ClientSession): Promise<Response> {
    const { inbound, request } = call;
    const running = parts.cancellations.track(session.id, inbound.message.id, request.signal);
    const { signal, end: onEnd } = running;
    let response: Response | undefined;
    try {
      response = await answerInForm({ ...call, request: { ...request, signal }, onEnd });
      return running.isCancelled() && !(response instanceof StreamResponse) ? noEvents() : response;
    } finally {
      // The relay ends a call that it streams.
      if (!(response instanceof StreamResponse)) onEnd();
    }
  }

  /** Answers in an event stream where the client accepts nothing else. */
  function answerInForm(call: Call): Awaitable<Response> {
    const response = answerRequest(call);
    return call.accepts === 'events' ? andThen(response, asEvents) : response;
  }

  async function listen(request: McpRequest): Promise<Response> {
    const view = await viewOf(request);
    if (view === undefined) return noEndpoint(request, null);
    const session = await sessionOf(request, view);
    const known = session === 'unknown' ? undefined : session;
    const canSend = (await view.servers()).some(
      ({ discovery }) =>
        announcesChanges(discovery.capabilities) || eraOf(discovery).mayRequest(discovery, known),
    );
    if (view.listensForLists && !canSend)
      return new Response(null, { status: 405, headers: { allow: 'POST, DELETE' } });
    if (session === undefined) return jsonResponse(400, null, noSession);
    if (session === 'unknown') return noSuchSession(null);
    const { trace } = request;
    return listenLegacy({ view, caller: callerOf(request, session), trace }, session, parts.feeds, parts);
  }

  async function remove(request: McpRequest): Promise<Response> {
    const view = await viewOf(request);
    if (view === undefined) return noEndpoint(request, null);
    const session = await sessionOf(request, view);
    if (session === undefined) return jsonResponse(400, null, noSession);
    if (session === 'unknown') return noSuchSession(null);
    await endSession(session, { caller: callerOf(request, session), view }, parts);
    return new Response(null, { status: 204 });
  }

  const safely =
    <R extends McpRequest>(
      answer: (request: R) => Awaitable<Response>,
      idOfRequest: (request: R) => RequestId | null,
    ) =>
    async (request: R): Promise<Response> => {
      try {
        return await answer(request);
      } catch (error) {
        const fields = { traceId: request.trace.traceId, tenantId: request.actor.tenantId };
        return faultResponse(idOfRequest(request), error, faultOutcome(error, deps.log, fields));
      }
    };

  return {
    post: safely(post, ({ headers, message }) => idOf(classify(headers, message))),
    listen: safely(listen, () => null),
    remove: safely(remove, () => null),
  };
}

/** A message with its endpoint, and the session that it names. */
interface Addressed extends Pick<Call, 'view' | 'viewMs'> {
  readonly inbound: Exclude<Inbound, Refused>;
  readonly request: McpPost;
  readonly session: ClientSession | undefined;
}

const nothing = (): void => undefined;

function idOf(inbound: Inbound): RequestId | null {
  return inbound.kind === 'request' ? inbound.message.id : null;
}

const NO_ENDPOINT: DomainError = { kind: 'not_found', message: 'There is no such endpoint.' };

/** The same for an endpoint of another tenant, of an inactive server, and for one that never existed. */
function noSuchEndpoint(id: RequestId | null, error = NO_ENDPOINT): Response {
  return jsonResponse(toProblem(error).status, id, { error: toJsonRpcError(error) });
}

/** 2025-11-25, transports, Session Management: the client then opens another session. */
function noSuchSession(id: RequestId | null): Response {
  const error = { code: INVALID_REQUEST, message: 'There is no such session: begin one with initialize.' };
  return jsonResponse(404, id, { error });
}
const noSession: Outcome = {
  error: { code: INVALID_REQUEST, message: 'The header Mcp-Session-Id is missing.' },
};
