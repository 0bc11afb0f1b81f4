import { createHash } from 'node:crypto';
import type { Clock } from '../../platform/base/clock.ts';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import { MAX_SYNC_PAGE_BYTES, PAGE_ENTRIES, SYNC_LEASE_MS } from '../limits.ts';
import { fetchServerPage } from '../officialApi/serverPages.ts';
import {
  type ActiveSync,
  afterFailure,
  afterPage,
  beginRun,
  endless,
  type RegistrySync,
  type RegistrySyncStore,
} from './registrySync.ts';
import { takeOver, type TakeOverDeps } from './takeOver.ts';

/** The registry whose servers a tenant imports. */
export interface UpstreamRegistry {
  readonly tenantId: string;
  /** Without a slash at its end. It may hold a secret, so it is neither logged nor shown. */
  readonly baseUrl: string;
}

export const sourceOf = ({ baseUrl }: UpstreamRegistry): string => new URL(baseUrl).host;

/** Times of a run, in ms: it begins no page after `runMs`, and waits `pageMs` for a page. */
export interface SyncBudget {
  readonly runMs: number;
  readonly pageMs: number;
}

export interface SyncDeps extends TakeOverDeps {
  readonly syncs: RegistrySyncStore;
  readonly shortLived: StateStore;
  readonly outbound: OutboundClient;
  readonly clock: Clock;
}

/**
 * Imports what changed in the upstream registry, page by page. Each page is stored before the next is fetched, so that the next
 * run continues one that died or ran out of time. One instance syncs at a time. Faults of the registry are in the returned run.
 * Failure: `already_exists` while another run is under way.
 */
export async function syncRegistry(
  upstream: UpstreamRegistry,
  budget: SyncBudget,
  deps: SyncDeps,
): Promise<Result<RegistrySync>> {
  const claim = await deps.shortLived.claim(`mreg:registry-sync:${upstream.tenantId}`, SYNC_LEASE_MS);
  if (claim.status === 'held') {
    const { retryAfterMs } = claim;
    return fail({ kind: 'already_exists', message: 'a sync is under way already', retryAfterMs });
  }
  try {
    const keepLease = async () =>
      (await deps.shortLived.renew(claim.lease, SYNC_LEASE_MS)).status === 'renewed';
    const sync = await run(upstream, budget, keepLease, deps);
    const { state, error, startedAt: _, updatedAt: __, ...figures } = sync.run;
    const fields = { source: sourceOf(upstream), state, ...figures, reason: error?.message };
    if (error) deps.log.warn('registry_sync_failed', fields);
    else deps.log.info('registry_synced', fields);
    return succeed(sync);
  } finally {
    await deps.shortLived.release(claim.lease);
  }
}

async function run(
  upstream: UpstreamRegistry,
  { runMs, pageMs }: SyncBudget,
  keepLease: () => Promise<boolean>,
  deps: SyncDeps,
): Promise<RegistrySync> {
  const { tenantId, baseUrl } = upstream;
  const { syncs, clock, outbound } = deps;
  const before = await syncs.find(tenantId);
  let etag = before?.etag;
  const startedAt = clock.now();
  const id = createHash('sha256').update(baseUrl).digest('hex');
  let sync: RegistrySync = beginRun(before?.value, { tenantId, upstream: id }, startedAt);
  const list = { url: `${baseUrl}/v0.1/servers`, timeoutMs: pageMs, maxBytes: MAX_SYNC_PAGE_BYTES };
  const seen = new Set<string>();
  while (isActive(sync)) {
    const page = await fetchServerPage(outbound, list, queryOf(sync));
    const now = clock.now();
    if (page.ok) {
      const { entries, nextCursor } = page.value;
      const figures = await takeOver(entries, { tenantId, source: sourceOf(upstream), now }, deps);
      const next = afterPage(sync, nextCursor, figures, clock.now());
      const isCircle = nextCursor !== undefined && seen.has(nextCursor);
      sync = isCircle ? endless(next, clock.now()) : next;
      if (nextCursor !== undefined) seen.add(nextCursor);
    } else {
      sync = afterFailure(sync, page.error, now);
    }
    // An instance that lost its lease finds the row changed by the next instance, and stops.
    const saved = await syncs.save(sync, etag);
    if (saved.status !== 'replaced') break;
    ({ etag } = saved);
    if (clock.now().getTime() - startedAt.getTime() >= runMs || !(await keepLease())) break;
  }
  return sync;
}

/** Returns whether this run has another page to read. */
const isActive = (sync: RegistrySync): sync is ActiveSync =>
  sync.run.state === 'unfinished' && sync.pass !== undefined;

/** Asks for deleted entries by name: not every registry includes them in a list of changes. */
const queryOf = ({ since, pass: { cursor } }: ActiveSync): Record<string, string> => ({
  limit: String(PAGE_ENTRIES),
  include_deleted: 'true',
  ...(since !== undefined && { updated_since: since }),
  ...(cursor !== undefined && { cursor }),
});
