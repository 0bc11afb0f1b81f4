import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import type { UpstreamTarget } from '../../registry/records/upstreamSettings.ts';
import type { Era } from '../../registry/records/era.ts';
import type { Discovery } from '../../registry/records/server.ts';
import { Unfit } from '../catalogue/discoveryFailure.ts';
import { HEADER_MISMATCH, MISSING_CLIENT_CAPABILITY, UNSUPPORTED_VERSION } from '../protocol/errorCodes.ts';
import { isObject, type JsonObject, type JsonRpcRequest, type Outcome } from '../protocol/jsonRpc.ts';
import { LATEST_MODERN, LEGACY_VERSIONS, META, metaOf, MODERN_VERSIONS } from '../protocol/versions.ts';
import { outcomeOf } from './answer.ts';
import { UpstreamFault } from './fault.ts';
import { type LegacySession, nothingOffered, openSession } from './legacySession.ts';
import { askModern, ownEnvelope } from './modern.ts';
import { openOldSession } from './httpSseTransport.ts';
import type { OutboundTo } from './outboundTo.ts';

/** For each request of a discovery: a server that takes longer would keep those who call its tools waiting too. */
const ANSWER_WITHIN_MS = 20_000;

/** What a server says of itself, without its tools. */
export type Profile = Omit<Discovery, 'tools' | 'discoveredAt'>;
/** Asks the server one request of its era and gives the result. */
export type Ask = (method: string, params: JsonObject) => Promise<JsonObject>;
/** A server whose era is known, ready to be asked. */
export interface OpenServer {
  readonly profile: Profile;
  readonly ask: Ask;
  /** Ends what was opened for it. */
  close(): Promise<void>;
}

/** Opens a server of either era, or of the one that it is pinned to. @throws UpstreamFault, Unfit */
export async function openServer(
  target: UpstreamTarget,
  outboundTo: OutboundTo,
  signal: AbortSignal,
): Promise<OpenServer> {
  const outbound = outboundTo(target);
  const { url, upstream } = target;
  const modern = upstream?.era === 'legacy' ? undefined : await openModern(outbound, url, signal);
  if (modern) return modern;
  if (upstream?.era === 'modern')
    throw new Unfit(`does not speak MCP ${LATEST_MODERN}, to which it is pinned`);
  return openLegacy(outbound, url, signal);
}

async function openModern(
  outbound: OutboundClient,
  url: string,
  signal: AbortSignal,
): Promise<OpenServer | undefined> {
  let lastId = 0;
  const outcome = async (method: string, params: JsonObject): Promise<Outcome> => {
    const request: JsonRpcRequest = {
      jsonrpc: '2.0',
      id: (lastId += 1),
      method,
      params: { ...params, _meta: ownEnvelope },
    };
    return outcomeOf(await askModern(outbound, url, request, bounded(signal)));
  };
  const discover = () => outcome('server/discover', {});
  const first = await probe(discover);
  // Who names our version among those it speaks, and refused it, is asked once more.
  const found = first === 'again' ? await probe(discover) : first;
  if (found === 'again') throw new Unfit(`says that it speaks MCP ${LATEST_MODERN}, and refuses it`);
  if (found === undefined) return undefined;
  return {
    profile: profileOf('modern', LATEST_MODERN, found, metaOf(found)[META.serverInfo]),
    ask: async (method, params) => resultOf(method, await outcome(method, params)),
    close: () => Promise.resolve(),
  };
}

/** The result of `server/discover`, undefined when the server is of the legacy era, or `again` (2026-07-28, versioning, Negotiation). */
async function probe(discover: () => Promise<Outcome>): Promise<JsonObject | 'again' | undefined> {
  let outcome: Outcome;
  try {
    outcome = await discover();
  } catch (error) {
    // A 4xx without a modern error, and an answer that is no MCP, are what legacy servers give to a method they do not know.
    const legacy =
      error instanceof UpstreamFault &&
      (error.kind === 'not_mcp' || (error.kind === 'http_status' && isClientError(error.status)));
    if (legacy) return undefined;
    throw error;
  }
  if ('result' in outcome) {
    const { supportedVersions } = outcome.result;
    if (!Array.isArray(supportedVersions)) return undefined;
    if (supportedVersions.some((version) => MODERN_VERSIONS.includes(String(version)))) return outcome.result;
    requireLegacy(supportedVersions);
    return undefined;
  }
  const { code, data } = outcome.error;
  if (code === UNSUPPORTED_VERSION && isObject(data) && Array.isArray(data['supported'])) {
    if (data['supported'].some((version) => MODERN_VERSIONS.includes(String(version)))) return 'again';
    requireLegacy(data['supported']);
    return undefined;
  }
  if (code === HEADER_MISMATCH || code === MISSING_CLIENT_CAPABILITY) {
    throw new Unfit(`speaks MCP ${LATEST_MODERN}, but refused server/discover with the error ${code}`);
  }
  return undefined;
}

const isClientError = (status: number | undefined): boolean =>
  status !== undefined && status >= 400 && status < 500;

function requireLegacy(versions: readonly unknown[]): void {
  if (versions.some((version) => LEGACY_VERSIONS.includes(String(version)))) return;
  throw new Unfit(
    `speaks no protocol version that the gateway knows (${[...MODERN_VERSIONS, ...LEGACY_VERSIONS].join(', ')})`,
  );
}

/** 2025-11-25, transports, Backward Compatibility: a server that takes no POST may speak the transport of 2024-11-05. */
async function openLegacy(outbound: OutboundClient, url: string, signal: AbortSignal): Promise<OpenServer> {
  try {
    return await openStreamable(outbound, url, signal);
  } catch (error) {
    const mayBeOld = error instanceof UpstreamFault && noPost.has(error.status);
    const old = mayBeOld ? await openOld(outbound, url, signal) : undefined;
    if (old === undefined) throw error;
    return old;
  }
}

const noPost: ReadonlySet<number | undefined> = new Set([400, 404, 405]);

/** Undefined when it does not speak that either. */
async function openOld(
  outbound: OutboundClient,
  url: string,
  signal: AbortSignal,
): Promise<OpenServer | undefined> {
  try {
    const { session, result } = await openOldSession(outbound, url, bounded(signal));
    const profile = profileOf('legacy', String(result['protocolVersion']), result, result['serverInfo']);
    return {
      profile: { ...profile, transport: 'sse', capabilities: withoutChanges(profile.capabilities) },
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

/** No stream of such a server is held, so nobody hears that something has changed. */
function withoutChanges(capabilities: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(capabilities).map(([name, value]) => {
      if (!isObject(value)) return [name, value];
      const { listChanged: _changed, subscribe: _subscribe, ...rest } = value;
      return [name, rest];
    }),
  );
}

async function openStreamable(
  outbound: OutboundClient,
  url: string,
  signal: AbortSignal,
): Promise<OpenServer> {
  const { session, result } = await openSession(outbound, url, nothingOffered, 'discovery', signal);
  return {
    profile: profileOf('legacy', session.version, result, result['serverInfo']),
    ask: (method, params) => askLegacy(session, method, params, signal),
    close: () => session.close(),
  };
}

async function askLegacy(
  session: LegacySession,
  method: string,
  params: JsonObject,
  signal: AbortSignal,
): Promise<JsonObject> {
  const request: JsonRpcRequest = { jsonrpc: '2.0', id: session.nextId(), method, params };
  const reply = await session.post(request, bounded(signal));
  return resultOf(method, await outcomeOf(await session.answer(reply, request)));
}

const bounded = (signal: AbortSignal): AbortSignal =>
  AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]);

function resultOf(method: string, outcome: Outcome): JsonObject {
  if ('result' in outcome) return outcome.result;
  throw new Unfit(`answered ${method} with the error ${outcome.error.code}`);
}

function profileOf(era: Era, protocolVersion: string, result: JsonObject, info: unknown): Profile {
  const { capabilities, instructions } = result;
  const { name, version } = isObject(info) ? info : {};
  return {
    era,
    protocolVersion,
    serverInfo: {
      ...(isObject(info) && info),
      name: typeof name === 'string' ? name : 'unnamed',
      version: typeof version === 'string' ? version : 'unknown',
    },
    capabilities: isObject(capabilities) ? capabilities : {},
    ...(typeof instructions === 'string' && { instructions }),
  };
}
