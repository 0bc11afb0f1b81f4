import type { UpstreamTarget } from '../../registry/records/upstreamSettings.ts';
import { ALL_FEATURES } from '../protocol/clientFeatures.ts';
import type { JsonObject } from '../protocol/jsonRpc.ts';
import { DISCOVERY_ANSWER_TIMEOUT_MS, PROBE_TIMEOUT_MS } from '../protocol/limits.ts';
import { LATEST_MODERN } from '../protocol/versions.ts';
import {
  afterAttempts,
  NoConnection,
  OutdatedEra,
  SignInNeeded,
  UnsuitableServer,
  UpstreamFault,
} from './fault.ts';
import { openLegacy } from './openLegacy.ts';
import { openModern } from './openModern.ts';
import type { OutboundTo } from './outboundTo.ts';
import type { Opening, OpenServer } from './upstreamEra.ts';

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
  const { url, upstream } = target;
  const opening = { outbound: outboundTo(target), url, signal, capabilities };
  if (upstream?.era === 'legacy') return openLegacy(opening);
  return upstream?.era === 'modern' ? openPinned(opening) : openEither(opening);
}

async function openPinned(opening: Opening): Promise<OpenServer> {
  const unsuitable = `does not speak MCP ${LATEST_MODERN}, to which it is pinned`;
  try {
    const opened = await openModern(opening, DISCOVERY_ANSWER_TIMEOUT_MS);
    if (opened) return opened;
  } catch (error) {
    const isOtherAnswer =
      error instanceof UpstreamFault && (error.kind === 'not_mcp' || isClientError(error.status));
    throw isOtherAnswer ? new UnsuitableServer(`${unsuitable}: it ${error.message}`) : error;
  }
  throw new UnsuitableServer(unsuitable);
}

const isClientError = (status = 0): boolean =>
  status >= 400 && status < 500 && status !== 401 && status !== 403;

/**
 * The modern era first (2026-07-28, versioning, Backward Compatibility). Servers of the legacy era answer `server/discover` in
 * every possible way, or not at all. So every failure of it leads to `initialize`, but for those that `initialize` shares.
 */
async function openEither(opening: Opening): Promise<OpenServer> {
  const { signal } = opening;
  let fault: UpstreamFault | undefined;
  try {
    const opened = await openModern(opening, PROBE_TIMEOUT_MS);
    if (opened) return opened;
  } catch (error) {
    if (!(error instanceof UpstreamFault) || isShared(error) || signal.aborted) throw error;
    fault = error;
  }
  try {
    return await openLegacy(opening);
  } catch (error) {
    if (fault === undefined || !(error instanceof UpstreamFault)) throw error;
    // A modern server that had to start answers now.
    const opened =
      fault.kind === 'timeout' && error.kind !== 'timeout' && !signal.aborted
        ? await openModern(opening, DISCOVERY_ANSWER_TIMEOUT_MS)
        : undefined;
    if (opened) return opened;
    throw afterAttempts(error instanceof OutdatedEra ? fault : error, [
      ['server/discover', fault],
      ['initialize', error],
    ]);
  }
}

/** A missing connection, sign-in, a forbidden address and a redirect concern every request. */
const isShared = (fault: UpstreamFault): boolean => {
  const { kind, status = 0 } = fault;
  return (
    fault instanceof NoConnection ||
    fault instanceof SignInNeeded ||
    kind === 'address_refused' ||
    kind === 'credentials_wanted' ||
    (status >= 300 && status < 400)
  );
};
