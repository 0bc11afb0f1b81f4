import { withoutTasks } from './envelope.ts';
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

/** Returns the client's capabilities that the gateway carries to servers: those for server requests, and the extensions. */
export function carriedFeatures(capabilities: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(withoutTasks(capabilities)).filter(
      ([name, value]) => features.includes(name) || (name === 'extensions' && isObject(value)),
    ),
  );
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

/** Whether a client with these capabilities can get any server request. */
export const canBeAsked = (capabilities: JsonObject): boolean =>
  features.some((feature) => feature in capabilities);

/** Whether a server may send server requests during a request `method`. */
export const allowsServerRequests = (method: string): boolean => mayAsk.has(method);

/** Whether a client with these capabilities can get the server request `method` during its request `during`. */
export function canAnswer(capabilities: JsonObject, method: string, during: string): boolean {
  const feature = askedBy.get(method);
  return feature !== undefined && mayAsk.has(during) && feature in capabilities;
}

/** MCP Apps: a client that shows them names the media types that it renders. */
export const APPS_EXTENSION = 'io.modelcontextprotocol/ui';

/**
 * All capabilities that some client behind the gateway may have. Discovery declares them, so that it finds what a server shows
 * to such clients only.
 */
export const ALL_FEATURES: JsonObject = {
  sampling: { context: {}, tools: {} },
  elicitation: { form: {}, url: {} },
  roots: { listChanged: true },
  extensions: { [APPS_EXTENSION]: { mimeTypes: ['text/html;profile=mcp-app'] } },
};

/** The capabilities by which servers choose what they show to a client, each with its path. */
const shownBy: ReadonlyMap<string, readonly string[]> = new Map([
  ['sampling', ['sampling']],
  ['elicitation', ['elicitation']],
  ['elicitation.url', ['elicitation', 'url']],
  ['roots', ['roots']],
  [APPS_EXTENSION, ['extensions', APPS_EXTENSION]],
]);
export const featureNames: readonly string[] = [...shownBy.keys()];

/** Whether a client with these capabilities has a feature of `featureNames`. */
export function hasFeature(capabilities: JsonObject, feature: string): boolean {
  let part: unknown = capabilities;
  for (const key of shownBy.get(feature) ?? []) part = isObject(part) ? part[key] : undefined;
  return part !== undefined;
}

/** Returns the capabilities without one of `featureNames`. */
export const withoutFeature = (capabilities: JsonObject, feature: string): JsonObject =>
  without(capabilities, shownBy.get(feature) ?? []);

function without(value: JsonObject, [key = '', ...rest]: readonly string[]): JsonObject {
  const { [key]: part, ...others } = value;
  return rest.length > 0 && isObject(part) ? { ...others, [key]: without(part, rest) } : others;
}
