import type { Actor } from '../../identity/access/actor.ts';
import type { SignedIn } from '../../identity/credentials/credentialSources.ts';
import type { Awaitable } from '../../platform/base/awaitable.ts';
import type { Era } from '../../registry/records/era.ts';
import type { Discovery, Tool } from '../../registry/records/server.ts';
import type { UpstreamTarget } from '../../registry/records/upstreamSettings.ts';
import type { Envelope } from '../protocol/envelope.ts';
import type { JsonObject, RequestId } from '../protocol/jsonRpc.ts';
import type { Answer } from './answer.ts';

/** The part of a server record that is needed to reach the server. */
export interface Reachable extends UpstreamTarget {
  readonly slug: string;
  readonly discovery: Pick<Discovery, 'era' | 'protocolVersion' | 'transport' | 'capabilities'>;
}

/** One request of a client, with the names of the server that it goes to. */
export interface UpstreamCall {
  /** The client's id. The server may get another one. */
  readonly id: RequestId;
  readonly method: string;
  readonly params: JsonObject;
  /** For `tools/call`: the tool as its server describes it. */
  readonly tool?: Tool | undefined;
  /** The client's description of itself, where it gave one. */
  readonly envelope: Envelope | undefined;
  readonly traceparent: string;
  /** How long the server may be silent, in milliseconds; `CALL_TIMEOUT_MS` when absent. */
  readonly timeoutMs?: number | undefined;
}

/** The reason of an abort after the call timeout. After every other abort the caller has left, which says nothing of the server. */
export const TIMED_OUT = 'timed out';

/** An upstream server as one caller may use it, of either era. */
export interface Connection {
  /** The era of the server, by which its answers are translated. */
  readonly era: Era;
  /** Whether the server puts its server requests into a result and waits for another call (MRTR). */
  readonly usesMrtr: boolean;
  /** Ids and progress tokens in the answer are the client's. @throws UpstreamFault */
  request(call: UpstreamCall, signal: AbortSignal): Promise<Answer>;
}

/** On whose behalf a server is called. */
export interface UpstreamCaller {
  readonly actor: Actor;
  /** Absent: the client has no session, so a server cannot send it a server request. */
  readonly session: ClientSession | undefined;
  /** What the client says that it can do; absent for a client without a description. */
  readonly capabilities?: JsonObject | undefined;
  /** Returns the signed-in user; used only for servers that are called as that user. */
  readonly user: () => SignedIn | undefined;
}

/** A session of the legacy era with a client, with what the client said of itself at its start. */
export interface ClientSession {
  readonly id: string;
  readonly capabilities: JsonObject;
  readonly clientInfo: JsonObject | undefined;
  /** The shared state as of a few seconds ago at most, with this instance's own changes. */
  shared(): Awaitable<SharedState>;
  /** Changes the shared state and returns the new one. `change` may be called more than once. */
  change(change: (now: SharedState) => SharedState): Promise<SharedState>;
}

/** The state of a client's session that all instances share, by slug where it concerns servers. */
export interface SharedState {
  readonly ended: boolean;
  /** The least level of log notifications that the client wants; all when absent. */
  readonly logLevel?: string | undefined;
  /** Sessions with legacy servers. */
  readonly upstream: ReadonlyMap<string, KnownSession>;
  /** The stream that the client listens on. A later one takes its place. */
  readonly stream?: string | undefined;
  /** URIs that the client subscribed to, as their servers name them. */
  readonly subscriptions: ReadonlyMap<string, readonly string[]>;
}

export interface KnownSession {
  readonly id: string;
  readonly version: string;
  /** A hash of the address and the credentials of the session. It is not resumed under others. */
  readonly target: string;
}
