import { GATEWAY_INFO } from '../protocol/envelope.ts';
import { isObject, type JsonObject, type JsonRpcRequest } from '../protocol/jsonRpc.ts';
import { HTTP_SSE_VERSION } from '../protocol/versions.ts';
import { outcomeOf } from './answer.ts';
import { afterAttempts, UpstreamFault } from './fault.ts';
import { openHttpSseSession } from './httpSseTransport.ts';
import { type LegacySession, openSession } from './legacySession.ts';
import { createRequestIds } from './requestIds.ts';
import { bounded, type Opening, type OpenServer, profileOf, resultOf } from './upstreamEra.ts';

/**
 * Opens a legacy server. One that accepts no POST may speak the HTTP+SSE transport of 2024-11-05 (2025-11-25, transports,
 * Backward Compatibility). @throws UpstreamFault of the first transport, with what was tried
 */
export async function openLegacy(opening: Opening): Promise<OpenServer> {
  try {
    return await openStreamable(opening);
  } catch (error) {
    if (!(error instanceof UpstreamFault)) throw error;
    if (!rejectsPost(error)) throw afterAttempts(error, [['initialize', error]]);
    try {
      return await openHttpSse(opening);
    } catch (second) {
      if (!(second instanceof UpstreamFault)) throw second;
      throw afterAttempts(error, [
        ['initialize', error],
        ['the HTTP+SSE transport', second],
      ]);
    }
  }
}

/**
 * 2025-03-26, transports, Backwards Compatibility: a 4xx. These ask for something else: 401 and 403 for sign-in, 429 for
 * patience.
 */
const rejectsPost = ({ status = 0 }: UpstreamFault): boolean =>
  status === 501 || (status >= 400 && status < 500 && ![401, 403, 429].includes(status));

async function openStreamable({ outbound, url, signal, capabilities }: Opening): Promise<OpenServer> {
  // A discovery sends no request during which a server may ask, so the session refuses every server request.
  const offer = { capabilities, clientInfo: GATEWAY_INFO };
  const { session, result } = await openSession(outbound, url, offer, createRequestIds(), signal);
  return {
    profile: profileOf('legacy', session.version, result, result['serverInfo']),
    ask: (method, params) => askInSession(session, method, params, signal),
    endsWithEmptyCursor: true,
    close: () => session.close(),
  };
}

async function askInSession(
  session: LegacySession,
  method: string,
  params: JsonObject,
  signal: AbortSignal,
): Promise<JsonObject> {
  const request: JsonRpcRequest = { jsonrpc: '2.0', id: session.nextId(), method, params };
  const reply = await session.post(request, bounded(signal));
  return resultOf(method, await outcomeOf(await session.answer(reply, request)));
}

async function openHttpSse({ outbound, url, signal }: Opening): Promise<OpenServer> {
  const { session, result } = await openHttpSseSession(outbound, url, bounded(signal));
  const { protocolVersion: said, serverInfo } = result;
  const version = typeof said === 'string' ? said : HTTP_SSE_VERSION;
  const profile = profileOf('legacy', version, result, serverInfo);
  return {
    profile: { ...profile, transport: 'sse', capabilities: withoutChanges(profile.capabilities) },
    endsWithEmptyCursor: true,
    ask: async (method, params) =>
      resultOf(method, await outcomeOf({ kind: 'stream', items: session.ask(method, params) })),
    close: () => {
      session.close();
      return Promise.resolve();
    },
  };
}

/** The gateway holds no stream to such a server, so it cannot announce the server's changes. */
function withoutChanges(capabilities: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(capabilities).map(([name, value]) => {
      if (!isObject(value)) return [name, value];
      const { listChanged: _changed, subscribe: _subscribe, ...rest } = value;
      return [name, rest];
    }),
  );
}
