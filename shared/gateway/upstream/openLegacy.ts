import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { GATEWAY_INFO } from '../protocol/envelope.ts';
import { isObject, type JsonObject, type JsonRpcRequest } from '../protocol/jsonRpc.ts';
import { outcomeOf } from './answer.ts';
import { UpstreamFault } from './fault.ts';
import { openHttpSseSession } from './httpSseTransport.ts';
import { type LegacySession, openSession } from './legacySession.ts';
import { bounded, type OpenEra, type OpenServer, profileOf, resultOf } from './upstreamEra.ts';

/**
 * Opens a legacy server. One that accepts no POST may speak the HTTP+SSE transport of 2024-11-05 (2025-11-25, transports,
 * Backward Compatibility).
 */
export const openLegacy: OpenEra = async (outbound, url, signal, capabilities) => {
  try {
    return await openStreamable(outbound, url, signal, capabilities);
  } catch (error) {
    const mayBeHttpSse = error instanceof UpstreamFault && rejectsPost.has(error.status);
    const opened = mayBeHttpSse ? await openHttpSse(outbound, url, signal) : undefined;
    if (opened === undefined) throw error;
    return opened;
  }
};

const rejectsPost: ReadonlySet<number | undefined> = new Set([400, 404, 405]);

async function openStreamable(
  outbound: OutboundClient,
  url: string,
  signal: AbortSignal,
  capabilities: JsonObject,
): Promise<OpenServer> {
  // A discovery sends no request during which a server may ask, so the session refuses every server request.
  const offer = { capabilities, clientInfo: GATEWAY_INFO };
  const { session, result } = await openSession(outbound, url, offer, 'discovery', signal);
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

/** `undefined` when the server does not speak HTTP+SSE. */
async function openHttpSse(
  outbound: OutboundClient,
  url: string,
  signal: AbortSignal,
): Promise<OpenServer | undefined> {
  try {
    const { session, result } = await openHttpSseSession(outbound, url, bounded(signal));
    const profile = profileOf('legacy', String(result['protocolVersion']), result, result['serverInfo']);
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
  } catch (error) {
    if (error instanceof UpstreamFault) return undefined;
    throw error;
  }
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
