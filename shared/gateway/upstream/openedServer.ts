import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import type { Era } from '../../registry/records/era.ts';
import type { Discovery } from '../../registry/records/server.ts';
import { DISCOVERY_ANSWER_TIMEOUT_MS } from '../protocol/limits.ts';
import { isObject, type JsonObject, type Outcome } from '../protocol/jsonRpc.ts';
import { UnsuitableServer } from './fault.ts';

/** A server's description of itself, without its lists. */
export type Profile = Omit<Discovery, 'tools' | 'discoveredAt'>;
/** Sends the server one request of its era and returns the result. */
export type Ask = (method: string, params: JsonObject) => Promise<JsonObject>;
/** A server whose era is known, ready for requests. */
export interface OpenServer {
  readonly profile: Profile;
  readonly ask: Ask;
  /** Ends the session, if there is one. */
  close(): Promise<void>;
}

/** Opens a server of one era; `undefined` when it belongs to the other one. @throws UpstreamFault, UnsuitableServer */
export type OpenEra = (
  outbound: OutboundClient,
  url: string,
  signal: AbortSignal,
) => Promise<OpenServer | undefined>;

/** Limits one request of a discovery. */
export const bounded = (signal: AbortSignal): AbortSignal =>
  AbortSignal.any([signal, AbortSignal.timeout(DISCOVERY_ANSWER_TIMEOUT_MS)]);

export function resultOf(method: string, outcome: Outcome): JsonObject {
  if ('result' in outcome) return outcome.result;
  throw new UnsuitableServer(`answered ${method} with the error ${outcome.error.code}`);
}

export function profileOf(era: Era, protocolVersion: string, result: JsonObject, info: unknown): Profile {
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
