import { z } from 'zod';
import type { App } from '../../platform/config.ts';
import { settingsSchema } from '../../platform/settings.ts';
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
  expiresAt: z.iso.datetime(),
});
export type Holding = Readonly<z.infer<typeof holdingSchema>>;

/** A pool that has less free for the app than was asked for. `free` is of now, `most` what the app could ever have. */
export interface Shortage {
  readonly pool: PoolName;
  readonly asked: number;
  readonly free: number;
  readonly most: number;
}

export type Decision =
  | { readonly kind: 'allocated'; readonly holdings: readonly Holding[] }
  /** `retryAt`: when it fits if nobody releases or takes anything before; undefined: it is more than there ever is. */
  | { readonly kind: 'short'; readonly shortages: readonly Shortage[]; readonly retryAt: Date | undefined };

/**
 * Whether a request fits beside what is held, in all pools or not at all. The rule, for each pool:
 *
 * - An app takes from the share that is reserved for it first. Nobody else gets that share, even while it is free.
 * - What an app holds beyond its reserved share it has from the shared one. What all apps together have from the shared one
 *   never exceeds it.
 * - The shares add up to the size of the pool, so what is held in all never exceeds that.
 *
 * Which share a unit came from is not recorded, it follows from what the app holds in all: when an app releases anything,
 * it gives back to the shared one first.
 */
export function allocate(held: readonly Holding[], request: Holding, now: Date): Decision {
  const current = unexpired(held, now);
  const shortages = shortagesOf(current, request);
  if (shortages.length === 0) return { kind: 'allocated', holdings: [...current, request] };
  const retryAt = current
    .map(({ expiresAt }) => new Date(expiresAt))
    .sort((a, b) => a.getTime() - b.getTime())
    .find((moment) => shortagesOf(unexpired(current, moment), request).length === 0);
  return { kind: 'short', shortages, retryAt };
}

export const unexpired = (held: readonly Holding[], now: Date): readonly Holding[] =>
  held.filter(({ expiresAt }) => new Date(expiresAt) > now);

export function inUse(share: Share, held: readonly Holding[], app?: App): number {
  return held
    .filter((holding) => app === undefined || holding.app === app)
    .reduce((sum, { units }) => sum + units[share.takenBy], 0);
}

function shortagesOf(held: readonly Holding[], { app, units }: Holding): readonly Shortage[] {
  return shares
    .map((share) => ({
      pool: share.name,
      asked: units[share.takenBy],
      free: freeFor(app, share, held),
      most: freeFor(app, share, []),
    }))
    .filter(({ asked, free }) => asked > free);
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
