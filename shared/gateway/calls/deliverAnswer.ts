import { INVALID_REQUEST, toJsonRpcError } from '../protocol/errorCodes.ts';
import type { Inbound } from '../protocol/classify.ts';
import type { JsonRpcError } from '../protocol/jsonRpc.ts';
import { type Parts, signedInWith } from './call.ts';
import type { McpPost } from './request.ts';
import { jsonResponse } from '../protocol/responses.ts';
import { faultErrors, UpstreamFault } from '../upstream/fault.ts';
import { resumeSession } from '../upstream/legacySession.ts';
import type { View } from '../catalogue/view.ts';
import type { ClientSession } from '../session/clientSessions.ts';

const DELIVER_WITHIN_MS = 20_000;

/**
 * Brings what a legacy client answers to whoever asked: the server whose session it is, or a call of ours that waits on some
 * instance. An answer that nobody asked for is refused.
 */
export async function deliverAnswer(
  { id, outcome }: Extract<Inbound, { kind: 'response' }>,
  { request, session, view }: { request: McpPost; session: ClientSession; view: View },
  { questions, outboundTo, newId }: Parts,
): Promise<Response> {
  const refuse = (error: JsonRpcError) => jsonResponse(400, null, { error });
  const target = id === null ? undefined : questions.targetOf(request.principal, session, id);
  if (target === undefined)
    return refuse({ code: INVALID_REQUEST, message: 'Nothing with this id was asked in this session.' });
  if (target.kind === 'held') {
    return (await questions.answer(target.ticket, outcome)) === 'taken'
      ? new Response(null, { status: 202 })
      : refuse(toJsonRpcError({ kind: 'too_large', message: 'The answer is too long to be handed on.' }));
  }
  const server = (await view.servers()).find(({ slug }) => slug === target.slug);
  if (server === undefined)
    return refuse({ code: INVALID_REQUEST, message: 'The server that asked takes no calls any more.' });
  const { session: upstreamId, version } = target;
  const outbound = outboundTo(server, () => signedInWith(request));
  const upstream = resumeSession(outbound, server.url, { id: upstreamId, version }, {}, newId());
  try {
    const signal = AbortSignal.any([request.signal, AbortSignal.timeout(DELIVER_WITHIN_MS)]);
    await upstream.notify({ id: target.id, ...outcome }, signal);
    return new Response(null, { status: 202 });
  } catch (error) {
    if (!(error instanceof UpstreamFault)) throw error;
    const message = `The server "${server.slug}" ${error.message}.`;
    return refuse(toJsonRpcError({ kind: faultErrors[error.kind], message }));
  }
}
