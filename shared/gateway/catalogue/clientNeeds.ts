import type { Discovery } from '../../registry/records/server.ts';
import type { UpstreamTarget } from '../../registry/records/upstreamSettings.ts';
import { ALL_FEATURES, featureNames, withoutFeature } from '../protocol/clientFeatures.ts';
import type { JsonObject } from '../protocol/jsonRpc.ts';
import { CLIENT_NEEDS_TIMEOUT_MS } from '../protocol/limits.ts';
import { UnsuitableServer, UpstreamFault } from '../upstream/fault.ts';
import { openServer } from '../upstream/openServer.ts';
import type { OutboundTo } from '../upstream/outboundTo.ts';
import { readList } from './readLists.ts';
import { createRoom } from './room.ts';

/** What the tools of a server need of a client. */
export interface ClientNeeds {
  readonly needs: NonNullable<Discovery['needs']>;
  /** Tools that the server lists only to clients without some feature. */
  readonly others: readonly JsonObject[];
}

/**
 * Finds the tools that a server lists only to clients with certain capabilities: it lists the tools as a client with none, and
 * where they differ, as clients without one each. Returns `undefined` where all clients see the same tools, or where the server
 * does not say in time.
 */
export async function findClientNeeds(
  target: UpstreamTarget,
  outboundTo: OutboundTo,
  tools: readonly JsonObject[],
  signal: AbortSignal,
): Promise<ClientNeeds | undefined> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(CLIENT_NEEDS_TIMEOUT_MS)]);
  const seenWith = async (capabilities: JsonObject): Promise<ReadonlyMap<string, JsonObject>> => {
    const opened = await openServer(target, outboundTo, within, capabilities);
    try {
      const { items } = await readList(opened, 'tools', createRoom());
      return new Map(items.map((tool) => [String(tool['name']), tool]));
    } finally {
      await opened.close();
    }
  };
  try {
    const seenByAll = await seenWith({});
    const names = new Set(tools.map(({ name }) => String(name)));
    const others = [...seenByAll.values()].filter(({ name }) => !names.has(String(name)));
    const hidden = [...names].filter((name) => !seenByAll.has(name));
    if (hidden.length === 0 && others.length === 0) return undefined;
    const needs = new Map<string, string[]>(hidden.map((name) => [name, []]));
    for (const feature of hidden.length === 0 ? [] : featureNames) {
      const seen = await seenWith(withoutFeature(ALL_FEATURES, feature));
      for (const [name, features] of needs) if (!seen.has(name)) features.push(feature);
    }
    return { needs: [...needs].map(([tool, features]) => ({ tool, features })), others };
  } catch (error) {
    if (error instanceof UnsuitableServer || error instanceof UpstreamFault) return undefined;
    throw error;
  }
}
