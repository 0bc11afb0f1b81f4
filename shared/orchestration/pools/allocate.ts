import { z } from 'zod';
import type { App } from '../../platform/config/config.ts';
import { settingsSchema } from '../../platform/config/settings.ts';
import { tenantShare } from '../../platform/concurrency/tenantShare.ts';
import { type PoolName, type Share, shares } from './pools.ts';

const natural = z.int().min(0);

/** What somebody holds of the pools, until it is released or has expired. */
export const holdingSchema = z.object({
  id: z.string(),
  app: settingsSchema.shape.MREG_APP,
  tenantId: z.string(),
  operation: z.string(),
  units: z.object({
    databaseConnections: natural,
    redisConnections: natural,
    oauthValidations: natural,
  }),
  /** The plan that holds it, and since when; absent where a caller of the API does. */
  plan: z.object({ id: z.string(), since: z.iso.datetime() }).optional(),
  expiresAt: z.iso.datetime(),
});
export type Holding = Readonly<z.infer<typeof holdingSchema>>;

/**
 * A pool that has less free for the tenant in the app than was asked for. `free` is of now, `most` what the tenant could
 * ever have there. `heldByTenant` is there when the tenant's own share is short, and not the pool.
 */
export interface Shortage {
  readonly pool: PoolName;
  readonly asked: number;
  readonly free: number;
  readonly most: number;
  readonly heldByTenant?: Holdings;
}

/** What one tenant holds of what an app can have of a pool, and the most that it may hold of that now. */
export interface Holdings {
  readonly inUse: number;
  readonly atMost: number;
}

export type Decision =
  | { readonly kind: 'allocated'; readonly holdings: readonly Holding[] }
  /** `retryAt`: when it fits if nobody releases or takes anything before; undefined: it is more than the tenant can ever have. */
  | { readonly kind: 'short'; readonly shortages: readonly Shortage[]; readonly retryAt: Date | undefined };

/**
 * Whether a request fits beside what is held, in all pools or not at all. The rule, for each pool:
 *
 * - An app takes from the share that is reserved for it first. Nobody else gets that share, even while it is free.
 * - What an app holds beyond its reserved share it has from the shared one. What all apps together have from the shared one
 *   never exceeds it.
 * - The shares add up to the size of the pool, so what is held in all never exceeds that.
 * - Of what an app can have, a tenant holds at most its share (`tenantShare`), counted among the tenants that hold some.
 *
 * Which share a unit came from is not recorded, it follows from what the app holds in all: when an app releases anything,
 * it gives back to the shared one first.
 */
export function allocate(held: readonly Holding[], request: Holding, now: Date, tenants: number): Decision {
  const current = unexpired(held, now);
  const shortages = shortagesOf(current, request, tenants);
  if (shortages.length === 0) return { kind: 'allocated', holdings: [...current, request] };
  const retryAt = current
    .map(({ expiresAt }) => new Date(expiresAt))
    .sort((a, b) => a.getTime() - b.getTime())
    .find((moment) => shortagesOf(unexpired(current, moment), request, tenants).length === 0);
  return { kind: 'short', shortages, retryAt };
}

export const unexpired = (held: readonly Holding[], now: Date): readonly Holding[] =>
  held.filter(({ expiresAt }) => new Date(expiresAt) > now);

export function inUse(share: Share, held: readonly Holding[], app?: App): number {
  return held
    .filter((holding) => app === undefined || holding.app === app)
    .reduce((sum, { units }) => sum + units[share.takenBy], 0);
}

/** Returns what a tenant holds of what an app can have of a pool, and how much of that it may hold. */
export function holdingsOf(
  share: Share,
  held: readonly Holding[],
  { tenantId, app }: Pick<Holding, 'tenantId' | 'app'>,
  tenants: number,
): Holdings {
  // A reserved share of the other app takes nothing from this app.
  const taking = held.filter(
    (holding) =>
      holding.units[share.takenBy] > 0 && (holding.app === app || share.reserved[holding.app] === 0),
  );
  const others = new Set(taking.map((holding) => holding.tenantId).filter((other) => other !== tenantId));
  const own = taking.filter((holding) => holding.tenantId === tenantId);
  const atMost = tenantShare(share.reserved[app] + share.shared, others.size, tenants);
  return { inUse: inUse(share, own), atMost };
}

function shortagesOf(held: readonly Holding[], request: Holding, tenants: number): readonly Shortage[] {
  return shares.flatMap((share): readonly Shortage[] => {
    const asked = request.units[share.takenBy];
    const ofApp = freeFor(request.app, share, held);
    const ofTenant = holdingsOf(share, held, request, tenants);
    const leftToTenant = Math.max(0, ofTenant.atMost - ofTenant.inUse);
    const free = Math.min(ofApp, leftToTenant);
    if (asked <= free) return [];
    const most = holdingsOf(share, [], request, tenants).atMost;
    const isOwn = leftToTenant < ofApp;
    return [{ pool: share.name, asked, free, most, ...(isOwn && { heldByTenant: ofTenant }) }];
  });
}

function freeFor(app: App, share: Share, held: readonly Holding[]): number {
  const ownLeft = Math.max(0, share.reserved[app] - inUse(share, held, app));
  const sharedTaken = apps.reduce(
    (sum, each) => sum + Math.max(0, inUse(share, held, each) - share.reserved[each]),
    0,
  );
  return Math.max(0, ownLeft + share.shared - sharedTaken);
}

const apps = settingsSchema.shape.MREG_APP.options;
