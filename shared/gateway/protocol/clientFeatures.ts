import { isObject, type JsonObject } from './jsonRpc.ts';
import { MAX_INFO_LENGTH } from './limits.ts';

/** The server requests, with the client capability that each needs (2025-11-25, client; 2026-07-28, multi-round-trip requests). */
const askedBy: ReadonlyMap<string, string> = new Map([
  ['elicitation/create', 'elicitation'],
  ['sampling/createMessage', 'sampling'],
  ['roots/list', 'roots'],
]);
const features: readonly string[] = [...askedBy.values()];

/** The requests during which a server may send server requests: only for these a person waits. */
const mayAsk: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read']);

/** Returns the client's capabilities that the gateway supports. */
export function carriedFeatures(capabilities: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(capabilities).filter(([name]) => features.includes(name)));
}

/** The same. Replaces a declaration that is longer than any real one by the bare feature. */
export function boundedFeatures(capabilities: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(carriedFeatures(capabilities)).map(([name, value]) => [
      name,
      isObject(value) && JSON.stringify(value).length <= MAX_INFO_LENGTH ? value : {},
    ]),
  );
}

/** Whether a server may send server requests during a request `method`. */
export const allowsServerRequests = (method: string): boolean => mayAsk.has(method);

/** Whether a client with these capabilities can get the server request `method` during its request `during`. */
export function canAnswer(capabilities: JsonObject, method: string, during: string): boolean {
  const feature = askedBy.get(method);
  return feature !== undefined && mayAsk.has(during) && feature in capabilities;
}
