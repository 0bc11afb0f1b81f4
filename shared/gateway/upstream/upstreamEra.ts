import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import type { Trace } from '../../platform/telemetry/trace.ts';
import type { Era } from '../../registry/records/era.ts';
import type { Discovery } from '../../registry/records/server.ts';
import type { JsonObject, Outcome } from '../protocol/jsonRpc.ts';
import { DISCOVERY_ANSWER_TIMEOUT_MS } from '../protocol/limits.ts';
import { readCapabilities, readServerInfo } from '../protocol/serverShapes.ts';
import type { AnswerItem } from './answer.ts';
import type { ClientSession, Connection, Reachable, UpstreamCaller } from './connection.ts';
import { oneLine, RefusedRequest } from './fault.ts';
import type { LegacySession } from './legacySession.ts';
import type { RequestIds } from './requestIds.ts';
import type { SessionSlot } from './sessionPool.ts';

/** The server-initiated messages that a client wants. */
export interface Subscription {
  readonly tools: boolean;
  readonly prompts: boolean;
  readonly resources: boolean;
  /** URIs of resources, as their servers name them, by the slug of the server. */
  readonly uris: ReadonlyMap<string, readonly string[]>;
  /** Slugs of the servers that have a session for the client's session. */
  readonly called: readonly string[];
}

/** A server-initiated message. The first is `ready`: from then on no message is lost. */
export type ServerInitiated = Exclude<AnswerItem, { kind: 'outcome' }> | { readonly kind: 'ready' };

/** How an era reaches servers. */
export interface Access {
  clientFor(server: Reachable, caller: UpstreamCaller): OutboundClient;
  /** The session of a caller with a legacy server. */
  sessionOf(server: Reachable, caller: UpstreamCaller, logLevel?: string): SessionSlot;
  /** The ids of this instance's requests. */
  readonly nextId: RequestIds;
  /** Opens a session with a legacy server for one purpose. The opener closes it. @throws UpstreamFault */
  openSession(server: Reachable, caller: UpstreamCaller): Promise<LegacySession>;
  /** Takes a place among the listening streams of a server. Returns the function that gives it back. @throws UpstreamFault */
  takeStream(server: Reachable, caller: UpstreamCaller): () => void;
  /** A connection behind the protection of the server. */
  connect(server: Reachable, caller: UpstreamCaller): Connection;
}

/** What the gateway does differently with servers of the two eras. `eraOf` chooses one; no other code compares eras. */
export interface UpstreamEra {
  /** Whether the server takes `resources/subscribe`. Otherwise the listening stream names the URIs. */
  readonly subscribesByRequest: boolean;
  /** Whether listening is a call, which takes a connection by itself. */
  readonly listensByCall: boolean;
  /** Whether the server may send this client a server request on its stream of server-initiated messages. */
  mayRequest(server: Pick<Discovery, 'transport'>, session: ClientSession | undefined): boolean;
  /** Names what the listening stream depends on: with another key it is opened again. */
  streamKey(uris: readonly string[]): string;
  /** `logLevel`: the least level that a modern client wants, for which it needs a session that nobody else changes. */
  connect(access: Access, server: Reachable, caller: UpstreamCaller, logLevel?: string): Connection;
  /** Listens to a server until its stream or the signal ends. @throws UpstreamFault */
  listen(
    access: Access,
    server: Reachable,
    caller: UpstreamCaller,
    wanted: Subscription,
    trace: Trace,
    signal: AbortSignal,
  ): AsyncGenerator<ServerInitiated, void, undefined>;
}

/** A server's description of itself, without its lists. */
export type Profile = Omit<Discovery, 'tools' | 'discoveredAt'>;
/** Sends the server one request of its era and returns the result. */
export type Ask = (method: string, params: JsonObject) => Promise<JsonObject>;
/** A server whose era is known, ready for requests. */
export interface OpenServer {
  readonly profile: Profile;
  readonly ask: Ask;
  /** Whether an empty cursor is the end of a list (2025-11-25, utilities/pagination). In 2026-07-28 it is a cursor. */
  readonly endsWithEmptyCursor: boolean;
  /** Ends the session, if there is one. */
  close(): Promise<void>;
}

/** How a server is opened. */
export interface Opening {
  readonly outbound: OutboundClient;
  readonly url: string;
  readonly signal: AbortSignal;
  /** What the gateway says that its client can do. */
  readonly capabilities: JsonObject;
}

/** Limits one request of a discovery. */
export const bounded = (signal: AbortSignal, withinMs = DISCOVERY_ANSWER_TIMEOUT_MS): AbortSignal =>
  AbortSignal.any([signal, AbortSignal.timeout(withinMs)]);

export function resultOf(method: string, outcome: Outcome): JsonObject {
  if ('result' in outcome) return outcome.result;
  const { code, message } = outcome.error;
  const reason = oneLine(message);
  const said = reason === undefined ? '' : `: "${reason}"`;
  throw new RefusedRequest(method, code, said);
}

export function profileOf(era: Era, protocolVersion: string, result: JsonObject, info: unknown): Profile {
  const { capabilities, instructions } = result;
  return {
    era,
    protocolVersion,
    serverInfo: readServerInfo(info),
    capabilities: readCapabilities(capabilities),
    ...(typeof instructions === 'string' && { instructions }),
  };
}
