import { createHash } from 'node:crypto';
import type { Clock } from '../../platform/base/clock.ts';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { type Result, fail, succeed } from '../../platform/base/result.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import { PAGE_ENTRIES, fetchServerPage } from '../officialApi/serverPages.ts';
import {
  type ActiveSync,
  type RegistrySync,
  afterFailure,
  afterPage,
  beginRun,
  endless,
} from './registrySync.ts';
import type { RegistrySyncStore } from './registrySyncStore.ts';
import { type TakeOverDeps, takeOver } from './takeOver.ts';

/** The registry whose servers a tenant takes over. */
export interface UpstreamRegistry {
  readonly tenantId: string;
  /** Without a slash at its end. It may hold a secret: it is neither logged nor shown. */
  readonly baseUrl: string;
}

export const sourceOf = ({ baseUrl }: UpstreamRegistry): string => new URL(baseUrl).host;

/** How long a run may take: it begins no page after `runMs`, and waits `pageMs` for one. */
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

/** A page of the largest entries that a registry takes, in letters of three bytes. */
const MAX_PAGE_BYTES = 16 * 1024 * 1024;

/** As long as a page may take to be read and stored, several times over. */
const LEASE_MS = 120_000;

/**
 * Takes over what changed in the upstream registry, page by page, each stored before the next is asked for: a run that dies
 * or runs out of time is gone on with by the next one. One instance does so at a time. What the registry does wrong is in
 * the run. Failure: `already_exists` while another run is under way.
 */
export async function syncRegistry(
  upstream: UpstreamRegistry,
  budget: SyncBudget,
  deps: SyncDeps,
): Promise<Result<RegistrySync>> {
  const claim = await deps.shortLived.claim(`mreg:registry-sync:${upstream.tenantId}`, LEASE_MS);
  if (claim.status === 'held') {
    const { retryAfterMs } = claim;
    return fail({ kind: 'already_exists', message: 'a sync is under way already', retryAfterMs });
  }
  try {
    const keepLease = async () => (await deps.shortLived.renew(claim.lease, LEASE_MS)).status === 'renewed';
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
  const list = { url: `${baseUrl}/v0.1/servers`, timeoutMs: pageMs, maxBytes: MAX_PAGE_BYTES };
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
    // Whoever has lost the lease to a longer sleep finds the row changed by its successor, and leaves it alone.
    const saved = await syncs.save(sync, etag);
    if (saved.status !== 'replaced') break;
    ({ etag } = saved);
    if (clock.now().getTime() - startedAt.getTime() >= runMs || !(await keepLease())) break;
  }
  return sync;
}

/** Whether there is a page to go on with in this run. */
const isActive = (sync: RegistrySync): sync is ActiveSync =>
  sync.run.state === 'unfinished' && sync.pass !== undefined;

/** Deletions are asked for by name: not every registry shows them by itself to those who follow changes. */
const queryOf = ({ since, pass: { cursor } }: ActiveSync): Record<string, string> => ({
  limit: String(PAGE_ENTRIES),
  include_deleted: 'true',
  ...(since !== undefined && { updated_since: since }),
  ...(cursor !== undefined && { cursor }),
});
