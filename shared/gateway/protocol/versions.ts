import { isObject, type JsonObject } from './jsonRpc.ts';

/** Versions with an `initialize` handshake that clients may speak to the gateway, newest first. */
export const LEGACY_VERSIONS: readonly string[] = ['2025-11-25', '2025-06-18', '2025-03-26'];
/** Versions that say all of themselves in each request, newest first. */
export const MODERN_VERSIONS: readonly string[] = ['2026-07-28'];
export const SUPPORTED_VERSIONS: readonly string[] = [...MODERN_VERSIONS, ...LEGACY_VERSIONS];
export const LATEST_LEGACY = '2025-11-25';
export const LATEST_MODERN = '2026-07-28';

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

/** The param by which a request names what it is about: `Mcp-Name` repeats it (2026-07-28, transports, Standard Request Headers). */
export const NAMED_BY: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
]);

/** How the gateway names itself to clients and to upstream servers. */
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

/** The `_meta` of params or of a result; empty when there is none. */
export function metaOf(holder: JsonObject | undefined): JsonObject {
  return isObject(holder?.['_meta']) ? holder['_meta'] : {};
}

/** `_meta` without the keys that only the modern era knows; what a vendor put there stays. */
export function withoutReserved(meta: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(meta).filter(([key]) => !reservedKeys.has(key)));
}
