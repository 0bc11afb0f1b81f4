import * as z from 'zod';
import { type DomainError, errorKinds } from '../../platform/base/errors.ts';
import type { Replacement, Stored } from '../../platform/tables/tables.ts';
import { MAX_CLOCK_SKEW_MS, MAX_PASS_PAGES } from '../limits.ts';

const count = z.int().min(0);

/** How many entries of some pages had which outcome. */
const figuresSchema = z.object({ published: count, updated: count, unchanged: count, skipped: count });
export type Figures = z.infer<typeof figuresSchema>;
export const NO_FIGURES: Figures = { published: 0, updated: 0, unchanged: 0, skipped: 0 };

export const addFigures = (one: Figures, other: Figures): Figures => ({
  published: one.published + other.published,
  updated: one.updated + other.updated,
  unchanged: one.unchanged + other.unchanged,
  skipped: one.skipped + other.skipped,
});

/** `unfinished`: the run is under way, its time was up, or its process died. The next run continues there. */
const runSchema = figuresSchema.extend({
  state: z.enum(['succeeded', 'unfinished', 'failed']),
  startedAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  pages: count,
  error: z.object({ kind: z.enum(errorKinds), message: z.string() }).optional(),
});

/**
 * The progress of a tenant's sync with another registry. A pass reads all pages of what changed since a time; it may take several
 * runs. When it ends, `since` becomes the time at which it began, and the next pass reads from there.
 */
export const registrySyncSchema = z.object({
  tenantId: z.string(),
  /** The hash of its base URL, which may hold a secret. */
  upstream: z.string(),
  /** Everything that changed before this time was imported; absent until the first pass has ended. */
  since: z.iso.datetime().optional(),
  pass: z.object({ startedAt: z.iso.datetime(), pages: count, cursor: z.string().optional() }).optional(),
  /** The last run. */
  run: runSchema,
});
export type RegistrySync = z.infer<typeof registrySyncSchema>;

/** The state of a sync during a pass. */
export type ActiveSync = RegistrySync & { readonly pass: NonNullable<RegistrySync['pass']> };

/** Begins a run: it continues the pass of an earlier run or begins a new one. For another registry it begins from nothing. */
export function beginRun(
  before: RegistrySync | undefined,
  { tenantId, upstream }: Pick<RegistrySync, 'tenantId' | 'upstream'>,
  now: Date,
): ActiveSync {
  const at = now.toISOString();
  const known = before?.upstream === upstream ? before : undefined;
  return {
    tenantId,
    upstream,
    ...(known?.since !== undefined && { since: known.since }),
    pass: known?.pass ?? { startedAt: at, pages: 0 },
    run: { state: 'unfinished', startedAt: at, updatedAt: at, pages: 0, ...NO_FIGURES },
  };
}

/** Returns the state after a page was imported. Without a next page, the pass and the run have ended. */
export function afterPage(
  sync: ActiveSync,
  nextCursor: string | undefined,
  figures: Figures,
  now: Date,
): RegistrySync {
  const { pass, ...rest } = sync;
  const run = {
    ...sync.run,
    ...addFigures(sync.run, figures),
    pages: sync.run.pages + 1,
    updatedAt: now.toISOString(),
  };
  if (nextCursor === undefined) {
    // An entry of a page that was read may have changed during the pass: the next pass looks back to before this one.
    const since = new Date(Date.parse(pass.startedAt) - MAX_CLOCK_SKEW_MS).toISOString();
    return { ...rest, since, run: { ...run, state: 'succeeded' } };
  }
  const pages = pass.pages + 1;
  if (pages >= MAX_PASS_PAGES) return endless({ ...sync, run }, now);
  return { ...sync, pass: { ...pass, pages, cursor: nextCursor }, run };
}

/** Returns the state after a registry gave pages without end. The pass is dropped, and what it imported stays. */
export function endless({ pass: _, ...sync }: RegistrySync, now: Date): RegistrySync {
  return failed(sync, { kind: 'unavailable', message: 'it gives pages without end' }, now);
}

/** Returns the state after a page could not be read. If the registry rejects the cursor, the next run begins a new pass. */
export function afterFailure(sync: ActiveSync, error: DomainError, now: Date): RegistrySync {
  const { pass, ...rest } = sync;
  return failed(error.kind === 'invalid' && pass.cursor !== undefined ? rest : sync, error, now);
}

const failed = (sync: RegistrySync, { kind, message }: DomainError, now: Date): RegistrySync => ({
  ...sync,
  run: { ...sync.run, state: 'failed', updatedAt: now.toISOString(), error: { kind, message } },
});

/** Stores the progress of each tenant's sync. An outage is thrown, never read as "not found". */
export interface RegistrySyncStore {
  find(tenantId: string): Promise<Stored<RegistrySync> | undefined>;
  /** Saves only if the row is still the one that was read; without an ETag, only if there is no row yet. */
  save(sync: RegistrySync, etag: string | undefined): Promise<Replacement>;
}
