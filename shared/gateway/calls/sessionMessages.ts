import type { ActiveServer } from '../catalogue/catalogue.ts';
import type { View } from '../catalogue/view.ts';
import type { Inbound } from '../protocol/classify.ts';
import { INVALID_REQUEST, toJsonRpcError } from '../protocol/errorCodes.ts';
import type { JsonRpcError, JsonRpcNotification, Outcome, RequestId } from '../protocol/jsonRpc.ts';
import { DELIVERY_TIMEOUT_MS, NOTIFY_TIMEOUT_MS } from '../protocol/limits.ts';
import { jsonResponse } from '../protocol/responses.ts';
import type { ClientSession, UpstreamCaller } from '../upstream/connection.ts';
import { faultErrors, UpstreamFault } from '../upstream/fault.ts';
import { type LegacySession, resumeSession } from '../upstream/legacySession.ts';
import { createRequestIds } from '../upstream/requestIds.ts';
import type { Parts } from './parts.ts';

interface Place {
  readonly caller: UpstreamCaller;
  readonly view: View;
}

/** A change of the client's roots, which servers may have cached (2025-11-25, client/roots, Root List Changes). */
const ROOTS_CHANGED = 'notifications/roots/list_changed';

/** Handles a notification of a legacy client: a cancellation, or a change of its roots. */
export async function receiveNotification(
  notification: JsonRpcNotification,
  session: ClientSession,
  place: Place,
  parts: Parts,
): Promise<void> {
  const { method, params } = notification;
  if (method === 'notifications/cancelled')
    await parts.cancellations.receive(session.id, params?.['requestId']);
  if (method !== ROOTS_CHANGED) return;
  const { upstream } = await session.shared();
  await withSessions(upstream, place, parts, (opened) =>
    opened.notify({ method, ...(params && { params }) }, AbortSignal.timeout(NOTIFY_TIMEOUT_MS)),
  );
}

/** Ends a client's session and the sessions that it has with servers. */
export async function endSession(session: ClientSession, place: Place, parts: Parts): Promise<void> {
  const { upstream } = await session.change((now) => ({ ...now, ended: true }));
  await withSessions(upstream, place, parts, (opened) => opened.close());
}

/** Does something with each server session of a client's session. The client does not wait for it and learns of no failure. */
async function withSessions(
  upstream: ReadonlyMap<string, unknown>,
  { caller, view }: Place,
  { connector }: Pick<Parts, 'connector'>,
  act: (session: LegacySession) => Promise<void>,
): Promise<void> {
  for (const server of await view.servers()) {
    if (!upstream.has(server.slug)) continue;
    void connector
      .sessionOf(server, caller)
      .get()
      .then(act)
      .catch(() => undefined);
  }
}

/**
 * Delivers a legacy client's answer to a server request: to the server's session, or to a call that waits for it on some
 * instance. Rejects an answer without a request.
 */
export async function deliverAnswer(
  { id, outcome }: Extract<Inbound, { kind: 'response' }>,
  session: ClientSession,
  { caller, view }: Place,
  signal: AbortSignal,
  parts: Parts,
): Promise<Response> {
  const { serverRequests } = parts;
  const accepted = () => new Response(null, { status: 202 });
  const reject = (error: JsonRpcError) => jsonResponse(400, null, { error });
  const target = id === null ? undefined : serverRequests.targetOf(caller.actor, session, id);
  if (target === undefined)
    return reject({ code: INVALID_REQUEST, message: 'This session has no server request with this id.' });
  if (target.kind === 'held') {
    return (await serverRequests.answer(target.ticket, outcome)) === 'taken'
      ? accepted()
      : reject(toJsonRpcError({ kind: 'too_large', message: 'The answer is too long to be delivered.' }));
  }
  const server = (await view.servers()).find(({ slug }) => slug === target.slug);
  if (server === undefined)
    return reject({ code: INVALID_REQUEST, message: 'The server of this request takes no calls any more.' });
  try {
    await answerServer(server, target, { id: target.id, ...outcome }, caller, signal, parts);
    return accepted();
  } catch (error) {
    if (!(error instanceof UpstreamFault)) throw error;
    const message = `The server "${server.slug}" ${error.message}.`;
    return reject(toJsonRpcError({ kind: faultErrors[error.kind], message }));
  }
}

/** Sends an answer to a server request to the session in which the server sent it. @throws UpstreamFault */
export async function answerServer(
  server: ActiveServer,
  { session: id, version }: { readonly session?: string | undefined; readonly version: string },
  answer: { readonly id: RequestId } & Outcome,
  caller: UpstreamCaller,
  signal: AbortSignal,
  { outboundTo }: Pick<Parts, 'outboundTo'>,
): Promise<void> {
  const outbound = outboundTo(server, caller.user);
  const upstream = resumeSession(outbound, server.url, { id, version }, {}, createRequestIds());
  const timeout = AbortSignal.timeout(DELIVERY_TIMEOUT_MS);
  await upstream.notify(answer, AbortSignal.any([signal, timeout]));
}
