import { isObject, type JsonObject } from './jsonRpc.ts';

/** Reserved `_meta` keys of 2026-07-28 (basic, `_meta`). */
export const META = {
  protocolVersion: 'io.modelcontextprotocol/protocolVersion',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  logLevel: 'io.modelcontextprotocol/logLevel',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  subscriptionId: 'io.modelcontextprotocol/subscriptionId',
} as const;
const reservedKeys: ReadonlySet<string> = new Set(Object.values(META));

/** The name of the gateway for clients and for upstream servers. */
export const GATEWAY_INFO = { name: 'mcp-registry-gateway', version: '0.1.0' } as const;

/** Severity of log notifications, least first (RFC 5424). */
export const LOG_LEVELS: readonly string[] = [
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
];

/** Returns the `_meta` of params or of a result; an empty object when there is none. */
export function metaOf(holder: JsonObject | undefined): JsonObject {
  return isObject(holder?.['_meta']) ? holder['_meta'] : {};
}

/** Returns a `_meta` without the keys that only the modern era knows. Keys of vendors stay, in their order. */
export function withoutReserved(meta: JsonObject): JsonObject {
  const keys = Object.keys(meta);
  const kept = keys.filter((key) => !reservedKeys.has(key));
  return kept.length === keys.length ? meta : Object.fromEntries(kept.map((key) => [key, meta[key]]));
}

/**
 * Returns params or a result without the reserved keys in `_meta`, with everything else in its place. A `_meta` that had only
 * reserved keys is left out. An empty one of the sender stays.
 */
export function stripReserved(holder: JsonObject): JsonObject {
  if (holder['_meta'] === undefined) return holder;
  const { _meta: meta, ...rest } = holder;
  if (!isObject(meta)) return rest;
  const kept = withoutReserved(meta);
  if (kept === meta) return holder;
  return Object.keys(kept).length > 0 ? { ...holder, _meta: kept } : rest;
}

/** The extension for tasks. The gateway cannot route `tasks/get`, so it shows the extension to neither side. */
export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';

/** Returns the capabilities of a client or a server without tasks of either era. All other extensions stay. */
export function withoutTasks(capabilities: JsonObject): JsonObject {
  const { tasks, extensions } = capabilities;
  const hasExtension = isObject(extensions) && TASKS_EXTENSION in extensions;
  if (tasks === undefined && !hasExtension) return capabilities;
  const { tasks: _tasksOfLegacy, extensions: _replaced, ...others } = capabilities;
  if (!hasExtension) return { ...others, ...(extensions !== undefined && { extensions }) };
  const { [TASKS_EXTENSION]: _tasks, ...kept } = extensions;
  return Object.keys(kept).length > 0 ? { ...others, extensions: kept } : others;
}

/** What a modern request says of its sender in `_meta`. */
export interface Envelope {
  readonly clientCapabilities: JsonObject;
  readonly clientInfo?: JsonObject;
  /** Absent: the client wants no log notifications. */
  readonly logLevel?: string;
}

/** Returns the first wrong field of a modern `_meta` (2026-07-28, basic, Per-request protocol fields). */
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

/** Reads the envelope of a `_meta` that has no wrong field. */
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
