import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { Clock } from '../../platform/clock.ts';
import type { App } from '../../platform/config.ts';
import { type DomainError, InfrastructureError } from '../../platform/errors.ts';
import type { IdSource } from '../../platform/ids.ts';
import { type Result, fail, succeed } from '../../platform/result.ts';
import type { StateStore } from '../../platform/stateStore.ts';
import { parseStateValue } from '../../platform/stateValue.ts';
import { createTurns } from '../../platform/turns.ts';
import { type Decision, type Holding, allocate, holdingSchema, inUse, unexpired } from './allocate.ts';
import { unitsOf } from './operations.ts';
import { type PoolName, type Units, poolLimits, shares } from './pools.ts';

export interface AllocationRequest {
  readonly tenantId: string;
  /** Whose reserved share it may use. */
  readonly app: App;
  readonly operation: string;
  readonly estimatedLoad: unknown;
  /** Five minutes when absent, an hour at most. */
  readonly holdForMs?: number;
}

export interface Allocation {
  readonly id: string;
  readonly operation: string;
  readonly allocation: Units;
  readonly expiresAt: string;
}

export interface PoolUsage {
  readonly name: PoolName;
  readonly limits: Readonly<Record<string, number>>;
  /** Units that are held, by both apps and all tenants. */
  readonly inUse: number;
}

/**
 * Bounds what operations take at once of what both apps share. All instances go by one value in the state: what it has
 * granted never exceeds a limit. An allocation ends when it is released or has expired. Where the state is forgotten, as
 * by a restart of Redis, everything is free again, whoever still uses it. An outage is thrown; an allocation that was
 * being made may then be held until it expires.
 */
export interface ResourcePools {
  /** Failures: `not_found` operation, `invalid` load, `exhausted` with `retryAfterMs`. */
  allocate(request: AllocationRequest): Promise<Result<Allocation>>;
  find(tenantId: string, id: string): Promise<Allocation | undefined>;
  release(tenantId: string, id: string): Promise<'released' | 'absent'>;
  usage(): Promise<readonly PoolUsage[]>;
}

const KEY = 'mreg:pools';
const DEFAULT_HOLD_MS = 5 * 60_000;
const LONGEST_HOLD_MS = 3_600_000;
/** Other instances change the same value: with waits of up to 200 ms between attempts, some two seconds in all. */
const MAX_ATTEMPTS = 20;

const holdingsSchema = z.array(holdingSchema);

/** What to do with what is held, and the answer that holds once it is done. */
interface Change<A> {
  readonly answer: A;
  /** Absent: it stays as it is. */
  readonly holdings?: readonly Holding[];
}

export function createResourcePools(deps: {
  readonly state: StateStore;
  readonly clock: Clock;
  readonly newId: IdSource;
}): ResourcePools {
  const { state, clock, newId } = deps;
  // An instance never races itself.
  const inTurn = createTurns();

  /** Decides on what is held, and again when another instance's change came in between. */
  const change = <A>(decide: (held: readonly Holding[], now: Date) => Change<A>): Promise<A> =>
    inTurn(KEY, async () => {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        const text = await state.get(KEY);
        const now = clock.now();
        const { answer, holdings } = decide(heldAt(text, now), now);
        if (holdings === undefined) return answer;
        const next = JSON.stringify(holdings);
        if ((await state.compareAndSet(KEY, text, next, LONGEST_HOLD_MS)) === 'stored') return answer;
        await delay(Math.random() * Math.min(200, 5 * 2 ** attempt));
      }
      const cause = new Error(`${MAX_ATTEMPTS} attempts were overtaken by other changes`);
      throw new InfrastructureError('state', 'change resource pools', cause);
    });

  const current = async () => heldAt(await state.get(KEY), clock.now());

  return {
    async allocate({ tenantId, app, operation, estimatedLoad, holdForMs = DEFAULT_HOLD_MS }) {
      if (!Number.isInteger(holdForMs) || holdForMs < 1 || holdForMs > LONGEST_HOLD_MS)
        throw new RangeError(`an allocation must be held for 1 to ${LONGEST_HOLD_MS} whole milliseconds`);
      const units = unitsOf(operation, estimatedLoad);
      if (!units.ok) return units;
      const id = newId();
      return change<Result<Allocation>>((held, now) => {
        const expiresAt = new Date(now.getTime() + holdForMs).toISOString();
        const request: Holding = { id, app, tenantId, operation, units: units.value, expiresAt };
        const decision = allocate(held, request, now);
        return decision.kind === 'allocated'
          ? { answer: succeed(view(request)), holdings: decision.holdings }
          : { answer: fail(exhausted(decision, request, now)) };
      });
    },

    async find(tenantId, id) {
      const holding = (await current()).find((one) => one.id === id && one.tenantId === tenantId);
      return holding && view(holding);
    },

    release: (tenantId, id) =>
      change<'released' | 'absent'>((held) => {
        const holdings = held.filter((one) => one.id !== id || one.tenantId !== tenantId);
        return holdings.length < held.length ? { answer: 'released', holdings } : { answer: 'absent' };
      }),

    async usage() {
      const held = await current();
      return shares.map((share) => ({
        name: share.name,
        limits: poolLimits[share.name],
        inUse: inUse(share, held),
      }));
    },
  };
}

/** What is held; nothing where the value is not one of ours. */
const heldAt = (text: string | undefined, now: Date): readonly Holding[] =>
  unexpired(parseStateValue(text, holdingsSchema) ?? [], now);

const view = ({ id, operation, units, expiresAt }: Holding): Allocation => ({
  id,
  operation,
  allocation: units,
  expiresAt,
});

function exhausted(
  { shortages, retryAt }: Extract<Decision, { kind: 'short' }>,
  { app, operation }: Holding,
  now: Date,
): DomainError {
  const short = shortages.map(
    ({ pool, asked, free, most }) =>
      `${pool}: ${asked} asked, ${free} free${asked > most ? `, ${most} at most` : ''}`,
  );
  const retryAfterMs = retryAt === undefined ? LONGEST_HOLD_MS : retryAt.getTime() - now.getTime();
  const advice =
    retryAt === undefined
      ? 'this is more than there ever is: ask for less'
      : `try again in ${Math.ceil(retryAfterMs / 1_000)} seconds, or when something is released`;
  const message = `not enough for ${operation} of the ${app} app (${short.join('; ')}); ${advice}`;
  return { kind: 'exhausted', message, retryAfterMs };
}
