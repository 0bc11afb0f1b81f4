import type { ClientSession, ClientSessions } from '../session/clientSessions.ts';
import type { InboundRequest } from '../protocol/classify.ts';
import { METHOD_NOT_FOUND, toJsonRpcError } from '../protocol/errorCodes.ts';
import type { InFlight } from './cancellation.ts';
import type { JsonObject } from '../protocol/jsonRpc.ts';
import type { SignedIn } from '../../identity/credentials/credentials.ts';
import { bearerToken } from '../../identity/tokens/bearerToken.ts';
import type { GatewayDeps, McpPost, McpRequest } from './request.ts';
import { jsonResponse, outcomeResponse } from '../protocol/responses.ts';
import type { Questions } from '../session/serverRequests.ts';
import { dressResult } from '../protocol/translate.ts';
import type { Hub } from '../listen/feed.ts';
import type { Refresh } from '../catalogue/refresh.ts';
import type { Connector } from '../upstream/connector.ts';
import type { Caller } from '../upstream/connection.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import type { Resting } from '../upstream/circuitBreaker.ts';
import type { View } from '../catalogue/view.ts';

/** One request of a client, and who asks what of whom. */
export interface Call {
  readonly inbound: InboundRequest;
  readonly request: McpPost;
  readonly view: View;
  /** How long it took to find it, in milliseconds. */
  readonly viewMs: number;
  /** Of the legacy era alone. */
  readonly session: ClientSession | undefined;
}
export type Method = (call: Call) => Response | Promise<Response>;

/** What the methods share: made once for an app. */
export interface Parts extends GatewayDeps {
  readonly sessions: ClientSessions;
  readonly questions: Questions;
  readonly connector: Connector;
  readonly inFlight: InFlight;
  readonly refresh: Refresh;
  /** Sessions that listen on this instance, by their ids. */
  readonly listeners: Map<string, Hub>;
  readonly find: Catalogue['find'];
  readonly resting: Resting;
}

/** Who has signed in with this request. */
export function signedInWith({ principal, headers }: McpRequest): SignedIn | undefined {
  const token = bearerToken(headers.get('authorization'));
  return token === undefined ? undefined : { principal, token };
}

/** On whose behalf the servers of a request are called. */
export const callerOf = (request: McpRequest, session: ClientSession | undefined): Caller => ({
  principal: request.principal,
  session,
  user: () => signedInWith(request),
});

/** A result of the gateway's own. */
export function ownResult({ era, message }: InboundRequest, result: JsonObject): Response {
  return jsonResponse(200, message.id, { result: era === 'modern' ? dressResult(result) : result });
}

export function invalid({ era, message }: InboundRequest, problem: string): Response {
  return outcomeResponse(era, message.id, { error: toJsonRpcError({ kind: 'invalid', message: problem }) });
}

/** 2026-07-28, transports, Protocol Version Header: a 404. Before, it is an answer like others. */
export function noMethod({ era, message }: InboundRequest): Response {
  return outcomeResponse(era, message.id, {
    error: {
      code: METHOD_NOT_FOUND,
      message: `This endpoint has no method "${message.method.slice(0, 100)}".`,
    },
  });
}
