import { isObject, type JsonObject } from './jsonRpc.ts';
import { LOG_LEVELS, META } from './versions.ts';

/** What a modern request says of its sender in `_meta`. */
export interface Envelope {
  readonly clientCapabilities: JsonObject;
  readonly clientInfo?: JsonObject;
  /** Absent: the client wants no log notifications. */
  readonly logLevel?: string;
}

/** The first field of a `_meta` that breaks the rules for modern requests (2026-07-28, basic, Per-request protocol fields). */
export function wrongEnvelopeField(meta: JsonObject): { key: string; problem: string } | undefined {
  const { protocolVersion, clientCapabilities, clientInfo, logLevel } = META;
  if (typeof meta[protocolVersion] !== 'string') return { key: protocolVersion, problem: 'must be a string' };
  if (!(clientCapabilities in meta)) return { key: clientCapabilities, problem: 'is missing' };
  if (!isObject(meta[clientCapabilities])) return { key: clientCapabilities, problem: 'must be an object' };
  const info = meta[clientInfo];
  if (
    info !== undefined &&
    !(isObject(info) && typeof info['name'] === 'string' && typeof info['version'] === 'string')
  ) {
    return { key: clientInfo, problem: 'must be an object with name and version' };
  }
  const level = meta[logLevel];
  if (level !== undefined && !(typeof level === 'string' && LOG_LEVELS.includes(level))) {
    return { key: logLevel, problem: `must be one of ${LOG_LEVELS.join(', ')}` };
  }
  return undefined;
}

/** The envelope of a `_meta` without wrong fields. */
export function readEnvelope(meta: JsonObject): Envelope {
  const capabilities = meta[META.clientCapabilities];
  const info = meta[META.clientInfo];
  const level = meta[META.logLevel];
  return {
    clientCapabilities: isObject(capabilities) ? capabilities : {},
    ...(isObject(info) && { clientInfo: info }),
    ...(typeof level === 'string' && { logLevel: level }),
  };
}
