import * as z from 'zod';
import { tenantShare } from '../../platform/concurrency/tenantShare.ts';
import { type App, appSchema } from '../../platform/config/config.ts';
import { type PoolName, type Share, shares } from './pools.ts';

const natural = z.int().min(0);

/** An allocation, until it is released or has expired. */
export const holdingSchema = z.object({
  id: z.string(),
  app: appSchema,
  tenantId: z.string(),
  operation: z.string(),
  units: z.object({
    databaseConnections: natural,
    redisConnections: natural,
    oauthValidations: natural,
  }),
  /** The plan that holds it, and since when; absent for an allocation of the API. */
  plan: z.object({ id: z.string(), since: z.iso.datetime() }).optional(),
  expiresAt: z.iso.datetime(),
});
export type Holding = Readonly<z.infer<typeof holdingSchema>>;

/**
 * A pool with less free for the tenant in the app than requested. `free` is the current number, `most` the most that the tenant
 * could ever have there. `heldByTenant` is present when the share of the tenant is exhausted, and not the pool.
 */
export interface Shortage {
  readonly pool: PoolName;
  readonly asked: number;
  readonly free: number;
  readonly most: number;
  readonly heldByTenant?: Holdings;
}

/** The units of a pool that a tenant holds in an app, and the most that it may hold there now. */
export interface Holdings {
  readonly inUse: number;
  readonly atMost: number;
}

export type Decision =
  | { readonly kind: 'allocated'; readonly holdings: readonly Holding[] }
  /** `retryAt`: when it fits, if nothing is released or taken before. Undefined: more than the tenant can ever have. */
  | { readonly kind: 'short'; readonly shortages: readonly Shortage[]; readonly retryAt: Date | undefined };

/**
 * Decides whether a request fits beside what is held, in all pools or not at all. The rule for each pool:
 *
 * - An app takes from its reserved part first. The other app never gets that part, even while it is free.
 * - What an app holds beyond its reserved part comes from the shared part. All apps together never take more than the shared
 *   part from it.
 * - The parts add up to the size of the pool, which is therefore never exceeded.
 * - Of what an app can have, a tenant holds at most its share (`tenantShare`) among the tenants that hold some.
 *
 * The part that a unit came from is not recorded. It follows from the total of the app: released units go back to the shared
 * part first.
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

/** Returns what a tenant holds of a pool in an app, and the most that it may hold there. */
export function holdingsOf(
  share: Share,
  held: readonly Holding[],
  { tenantId, app }: Pick<Holding, 'tenantId' | 'app'>,
  tenants: number,
): Holdings {
  // What the other app holds of its reserved part takes nothing from this app.
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

const apps = appSchema.options;
