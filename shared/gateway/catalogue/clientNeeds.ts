import type { Discovery, LeftOut } from '../../registry/records/server.ts';
import type { UpstreamTarget } from '../../registry/records/upstreamSettings.ts';
import { ALL_FEATURES, featureNames, withoutFeature } from '../protocol/clientFeatures.ts';
import type { JsonObject } from '../protocol/jsonRpc.ts';
import { CLIENT_NEEDS_TIMEOUT_MS } from '../protocol/limits.ts';
import { UnsuitableServer, UpstreamFault } from '../upstream/fault.ts';
import { openServer } from '../upstream/openServer.ts';
import type { OutboundTo } from '../upstream/outboundTo.ts';
import { readList } from './readLists.ts';
import { createRoom, type Room } from './room.ts';

/** What the tools of a server need of a client. */
export interface ClientNeeds {
  readonly needs: NonNullable<Discovery['needs']>;
  /** Tools that the server lists only to clients without some feature. */
  readonly others: readonly JsonObject[];
}

/** Returns what a record has room for, and says what is left out. */
export function needsInRoom(
  { needs, others }: ClientNeeds,
  room: Room,
): ClientNeeds & { readonly leftOut: readonly LeftOut[] } {
  const fits = (value: unknown) => room.take(value);
  const kept = { needs: needs.filter(fits), others: others.filter(fits) };
  const unknown = needs.length - kept.needs.length;
  const lost = others.length - kept.others.length;
  const reasons = [
    ...(unknown > 0
      ? [`the record has no room for the needs of ${unknown} tools: every client sees them`]
      : []),
    ...(lost > 0 ? [`the record has no room for ${lost} tools that only some clients see`] : []),
  ];
  return { ...kept, leftOut: reasons.map((reason) => ({ list: 'tools', reason })) };
}

/**
 * Finds the tools that a server lists only to clients with certain capabilities: it lists the tools as a client with none, and
 * where they differ, as clients without one each. Returns `undefined` where all clients see the same tools, or where the server
 * does not list all of them in time.
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
      const { items, isCut } = await readList(opened, 'tools', createRoom());
      // A tool that is missing from a part of the list may be in the rest.
      if (isCut) throw new UnsuitableServer('lists more tools than can be compared');
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
