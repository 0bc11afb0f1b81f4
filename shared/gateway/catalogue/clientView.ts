import type { Discovery } from '../../registry/records/server.ts';
import type { ClientEra } from '../protocol/clientEra.ts';
import { featureNames, hasFeature } from '../protocol/clientFeatures.ts';
import { withoutTasks } from '../protocol/envelope.ts';
import { isObject, type JsonObject } from '../protocol/jsonRpc.ts';
import { MAX_INFO_LENGTH } from '../protocol/limits.ts';
import type { ActiveServer } from './catalogue.ts';

/** The client that a list is for. */
export interface Viewer {
  readonly client: ClientEra;
  /** What the client says that it can do; empty for a client without a description. */
  readonly capabilities: JsonObject;
}

/** Cached by discovery, because every list needs it. */
const known = new WeakMap<NonNullable<Discovery['needs']>, ReadonlyMap<string, readonly string[]>>();

function needsOf({ needs }: Discovery): ReadonlyMap<string, readonly string[]> | undefined {
  if (needs === undefined) return undefined;
  const found = known.get(needs) ?? new Map(needs.map(({ tool, features }) => [tool, features]));
  known.set(needs, found);
  return found;
}

/** Returns the features that a client can use at a server through the gateway. */
const featuresAt = ({ era }: Discovery, { client, capabilities }: Viewer): ReadonlySet<string> => {
  const carried = client.carries[era](capabilities);
  return new Set(featureNames.filter((feature) => hasFeature(carried, feature)));
};

/** Returns the tools that the server itself would list to this client. */
export function toolsFor({ discovery }: ActiveServer, viewer: Viewer): Discovery['tools'] {
  const needs = needsOf(discovery);
  if (needs === undefined) return discovery.tools;
  const features = featuresAt(discovery, viewer);
  return discovery.tools.filter(
    ({ name }) => needs.get(name)?.every((feature) => features.has(feature)) ?? true,
  );
}

/**
 * Whether the server may have tools for a client that the catalogue does not know: its list depends on the client, or on an account
 * that the user has not connected.
 */
export const dependsOnClient = ({ discovery: { needs, awaitsAccount } }: ActiveServer): boolean =>
  needs !== undefined || awaitsAccount === true;

/** Names what a list of these servers depends on beside the catalogue: the same text means the same list. */
export const viewerKey = (servers: readonly ActiveServer[], viewer: Viewer): string =>
  servers.some(dependsOnClient)
    ? `${viewer.client.era} ${featureNames.filter((feature) => hasFeature(viewer.capabilities, feature)).join(' ')}`
    : viewer.client.era;

/** More extensions than real servers have. Clients of all servers get the sum. */
const MAX_EXTENSIONS = 50;

/** Settings that are longer than real ones say only that the extension is there. */
const boundedSettings = (settings: JsonObject): JsonObject =>
  JSON.stringify(settings).length <= MAX_INFO_LENGTH ? settings : {};

/** Returns the extensions of all servers together. Where several servers declare one, their settings are merged. */
export function mergedExtensions(servers: readonly ActiveServer[]): JsonObject | undefined {
  const merged = new Map<string, JsonObject>();
  for (const { discovery } of servers) {
    const { extensions } = withoutTasks(discovery.capabilities);
    for (const [name, settings] of Object.entries(isObject(extensions) ? extensions : {}))
      if (isObject(settings) && merged.size < MAX_EXTENSIONS)
        merged.set(name, { ...boundedSettings(settings), ...merged.get(name) });
  }
  return merged.size > 0 ? Object.fromEntries(merged) : undefined;
}
