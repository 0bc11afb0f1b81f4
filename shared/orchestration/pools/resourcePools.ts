import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { Clock } from '../../platform/base/clock.ts';
import type { App, Config } from '../../platform/config/config.ts';
import { type DomainError, InfrastructureError } from '../../platform/base/errors.ts';
import { createFairQueue } from '../../platform/concurrency/fairQueue.ts';
import type { IdSource } from '../../platform/base/ids.ts';
import { type Result, fail, succeed } from '../../platform/base/result.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import { parseStateValue } from '../../platform/state/stateValue.ts';
import {
  type Decision,
  type Holding,
  type Holdings,
  type Shortage,
  allocate,
  holdingSchema,
  holdingsOf,
  inUse,
  unexpired,
} from './allocate.ts';
import { unitsOf } from './operations.ts';
import { type PoolName, type Units, poolLimits, shares } from './pools.ts';

export interface AllocationRequest {
  readonly tenantId: string;
  /** Whose reserved share it may use. */
  readonly app: App;
  readonly operation: string;
  readonly estimatedLoad: unknown;
  /** The plan that it is for. */
  readonly planId?: string;
  /** Five minutes when absent, an hour at most. */
  readonly holdForMs?: number;
}

export interface Allocation {
  readonly id: string;
  readonly operation: string;
  readonly allocation: Units;
  readonly expiresAt: string;
}

/** An allocation that a plan holds. */
export interface HeldByPlan {
  readonly id: string;
  readonly tenantId: string;
  readonly planId: string;
}

export interface PoolUsage {
  readonly name: PoolName;
  readonly limits: Readonly<Record<string, number>>;
  /** Units that are held, by both apps and all tenants. */
  readonly inUse: number;
  /** Units that the asking tenant holds in the asking app, and the most that it may hold there now. */
  readonly tenant: Holdings;
}

/**
 * Bounds what operations take at once of what both apps share. All instances go by one value in the state. The allocations in
 * it never exceed a limit, and leave room for a tenant that holds nothing yet. An allocation ends when it is released or has
 * expired. When Redis restarts and loses the state, everything is free again, also what is still in use. An outage is thrown;
 * an allocation that was being made may then be held until it expires.
 */
export interface ResourcePools {
  /** Failures: `not_found` operation, `invalid` load, `exhausted` with `retryAfterMs`. */
  allocate(request: AllocationRequest): Promise<Result<Allocation>>;
  find(tenantId: string, id: string): Promise<Allocation | undefined>;
  release(tenantId: string, id: string): Promise<'released' | 'absent'>;
  /** What plans have held since before a moment. */
  heldByPlans(since: Date): Promise<readonly HeldByPlan[]>;
  usage(of: Pick<AllocationRequest, 'tenantId' | 'app'>): Promise<readonly PoolUsage[]>;
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
  /** Those of the settings. */
  readonly tenants: Config['tenants'];
}): ResourcePools {
  const { state, clock, newId } = deps;
  const tenants = deps.tenants.size;
  // One change at a time, so that an instance does not race itself. Tenants take turns, so that none delays the others.
  const queue = createFairQueue(1, tenants);

  /** Decides on what is held, and again when another instance's change came in between. */
  const change = <A>(
    tenantId: string,
    decide: (held: readonly Holding[], now: Date) => Change<A>,
  ): Promise<A> =>
    queue.run(tenantId, async () => {
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
    async allocate({ tenantId, app, operation, estimatedLoad, planId, holdForMs = DEFAULT_HOLD_MS }) {
      if (!Number.isInteger(holdForMs) || holdForMs < 1 || holdForMs > LONGEST_HOLD_MS)
        throw new RangeError(`an allocation must be held for 1 to ${LONGEST_HOLD_MS} whole milliseconds`);
      const units = unitsOf(operation, estimatedLoad);
      if (!units.ok) return units;
      const id = newId();
      return change<Result<Allocation>>(tenantId, (held, now) => {
        const expiresAt = new Date(now.getTime() + holdForMs).toISOString();
        const plan = planId === undefined ? {} : { plan: { id: planId, since: now.toISOString() } };
        const request: Holding = { id, app, tenantId, operation, units: units.value, ...plan, expiresAt };
        const decision = allocate(held, request, now, tenants);
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
      change<'released' | 'absent'>(tenantId, (held) => {
        const holdings = held.filter((one) => one.id !== id || one.tenantId !== tenantId);
        return holdings.length < held.length ? { answer: 'released', holdings } : { answer: 'absent' };
      }),

    async heldByPlans(since) {
      return (await current()).flatMap(({ id, tenantId, plan }) =>
        plan && new Date(plan.since) < since ? [{ id, tenantId, planId: plan.id }] : [],
      );
    },

    async usage(of) {
      const held = await current();
      return shares.map((share) => ({
        name: share.name,
        limits: poolLimits[share.name],
        inUse: inUse(share, held),
        tenant: holdingsOf(share, held, of, tenants),
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
  const short = shortages.map(inWords);
  const retryAfterMs = retryAt === undefined ? LONGEST_HOLD_MS : retryAt.getTime() - now.getTime();
  const advice =
    retryAt === undefined
      ? 'this is more than you can ever have: ask for less'
      : `try again in ${Math.ceil(retryAfterMs / 1_000)} seconds, or when something is released`;
  const message = `not enough for ${operation} of the ${app} app (${short.join('; ')}); ${advice}`;
  return { kind: 'exhausted', message, retryAfterMs };
}

function inWords({ pool, asked, free, most, heldByTenant }: Shortage): string {
  const never = asked > most ? `, ${most} at most` : '';
  if (heldByTenant === undefined) return `${pool}: ${asked} asked, ${free} free${never}`;
  const { inUse: held, atMost } = heldByTenant;
  return `${pool}: ${asked} asked, and your tenant holds ${held} of the ${atMost} that it may${never}`;
}
