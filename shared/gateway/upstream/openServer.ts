import type { Era } from '../../registry/records/era.ts';
import type { UpstreamTarget } from '../../registry/records/upstreamSettings.ts';
import { ALL_FEATURES } from '../protocol/clientFeatures.ts';
import type { JsonObject } from '../protocol/jsonRpc.ts';
import { LATEST_MODERN } from '../protocol/versions.ts';
import { UnsuitableServer } from './fault.ts';
import { openLegacy } from './openLegacy.ts';
import { openModern } from './openModern.ts';
import type { OutboundTo } from './outboundTo.ts';
import type { OpenEra, OpenServer } from './upstreamEra.ts';

const openers: Record<Era, OpenEra> = { modern: openModern, legacy: openLegacy };
/** The modern era first (2026-07-28, versioning, Backward Compatibility). */
const order: readonly Era[] = ['modern', 'legacy'];

/**
 * Opens a server of either era, or of the one that it is pinned to, as a client with these capabilities. @throws UpstreamFault,
 * UnsuitableServer
 */
export async function openServer(
  target: UpstreamTarget,
  outboundTo: OutboundTo,
  signal: AbortSignal,
  capabilities: JsonObject = ALL_FEATURES,
): Promise<OpenServer> {
  const outbound = outboundTo(target);
  const pinned = target.upstream?.era;
  for (const era of pinned ? [pinned] : order) {
    const opened = await openers[era](outbound, target.url, signal, capabilities);
    if (opened) return opened;
  }
  throw new UnsuitableServer(`does not speak MCP ${LATEST_MODERN}, to which it is pinned`);
}
