import { z } from 'zod';
import { type DomainError, errorKinds } from '../../platform/base/errors.ts';

const count = z.int().min(0);

/** What was done with the entries of some pages. */
const figuresSchema = z.object({ published: count, updated: count, unchanged: count, skipped: count });
export type Figures = z.infer<typeof figuresSchema>;
export const NO_FIGURES: Figures = { published: 0, updated: 0, unchanged: 0, skipped: 0 };

export const addFigures = (one: Figures, other: Figures): Figures => ({
  published: one.published + other.published,
  updated: one.updated + other.updated,
  unchanged: one.unchanged + other.unchanged,
  skipped: one.skipped + other.skipped,
});

/** `unfinished`: it is under way, or its time was up, or it died; the next one goes on where it left. */
const runSchema = figuresSchema.extend({
  state: z.enum(['succeeded', 'unfinished', 'failed']),
  startedAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  pages: count,
  error: z.object({ kind: z.enum(errorKinds), message: z.string() }).optional(),
});

/**
 * How far a tenant has followed another registry. A pass reads all pages of what changed since a moment; it may take
 * several runs. Once it has ended, the moment moves to the time at which it began, and the next pass begins there.
 */
export const registrySyncSchema = z.object({
  tenantId: z.string(),
  /** The hash of its base URL, which may hold a secret. */
  upstream: z.string(),
  /** All that changed before has been taken over; absent until a first pass has ended. */
  since: z.iso.datetime().optional(),
  pass: z.object({ startedAt: z.iso.datetime(), pages: count, cursor: z.string().optional() }).optional(),
  /** The last run. */
  run: runSchema,
});
export type RegistrySync = z.infer<typeof registrySyncSchema>;

/** The pass that a run is in. */
export type ActiveSync = RegistrySync & { readonly pass: NonNullable<RegistrySync['pass']> };

/** Begins a run: it goes on with the pass that an earlier one left, or begins one; from nothing where the registry is another. */
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

/**
 * What changed while a pass went on may have been on a page that it had read: the next one looks back to before it began,
 * and by as much again as two clocks may differ.
 */
const OVERLAP_MS = 600_000;
/** A hundred times what any registry has; one that goes on giving pages never ends by itself. */
const MAX_PASS_PAGES = 10_000;

/** A page has been taken over. Without a next one the pass has ended, and the run with it. */
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
    const since = new Date(Date.parse(pass.startedAt) - OVERLAP_MS).toISOString();
    return { ...rest, since, run: { ...run, state: 'succeeded' } };
  }
  const pages = pass.pages + 1;
  if (pages >= MAX_PASS_PAGES) return endless({ ...sync, run }, now);
  return { ...sync, pass: { ...pass, pages, cursor: nextCursor }, run };
}

/** The registry gives pages without an end: the pass is given up, and what it took over stays. */
export function endless({ pass: _, ...sync }: RegistrySync, now: Date): RegistrySync {
  return failed(sync, { kind: 'unavailable', message: 'it gives pages without an end' }, now);
}

/** A page could not be read. One that the registry refuses to give is not asked for again: the pass begins anew. */
export function afterFailure(sync: ActiveSync, error: DomainError, now: Date): RegistrySync {
  const { pass, ...rest } = sync;
  return failed(error.kind === 'invalid' && pass.cursor !== undefined ? rest : sync, error, now);
}

const failed = (sync: RegistrySync, { kind, message }: DomainError, now: Date): RegistrySync => ({
  ...sync,
  run: { ...sync.run, state: 'failed', updatedAt: now.toISOString(), error: { kind, message } },
});
