import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import type { Clock } from '../../platform/base/clock.ts';
import { type DomainError, InfrastructureError } from '../../platform/base/errors.ts';
import type { IdSource } from '../../platform/base/ids.ts';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import { createFairQueue } from '../../platform/concurrency/fairQueue.ts';
import type { App, Config } from '../../platform/config/config.ts';
import { parseStateValue, type StateStore } from '../../platform/state/stateStore.ts';
import { DEFAULT_HOLD_MS, MAX_HOLD_MS, MAX_POOL_ATTEMPTS } from '../model/limits.ts';
import {
  allocate,
  type Decision,
  type Holding,
  type Holdings,
  holdingSchema,
  holdingsOf,
  inUse,
  type Shortage,
  unexpired,
} from './allocate.ts';
import { unitsOf } from './operations.ts';
import { poolLimits, type PoolName, shares, type Units } from './pools.ts';

export interface AllocationRequest {
  readonly tenantId: string;
  /** The app whose reserved part it may use. */
  readonly app: App;
  readonly operation: string;
  readonly estimatedLoad: unknown;
  /** The plan that holds it. */
  readonly planId?: string;
  /** In ms: `DEFAULT_HOLD_MS` when absent, `MAX_HOLD_MS` at most. */
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
  /** Units that both apps and all tenants hold. */
  readonly inUse: number;
  /** Units that the caller's tenant holds in this app, and the most that it may hold there now. */
  readonly tenant: Holdings;
}

/**
 * Limits what operations use at the same time of the resources that both apps share. All instances change one value in the state.
 * Its allocations never exceed a limit, and leave room for a tenant that holds nothing yet. An allocation ends when it is released
 * or has expired. When Redis restarts and loses the state, everything is free again, including what is still in use.
 * @throws InfrastructureError in an outage. An allocation that was being stored may then be held until it expires.
 */
export interface ResourcePools {
  /** Failures: `not_found` operation, `invalid` load, `exhausted` with `retryAfterMs`. */
  allocate(request: AllocationRequest): Promise<Result<Allocation>>;
  find(tenantId: string, id: string): Promise<Allocation | undefined>;
  release(tenantId: string, id: string): Promise<'released' | 'absent'>;
  /** Returns the allocations that plans have held since before a moment. */
  heldByPlans(since: Date): Promise<readonly HeldByPlan[]>;
  usage(of: Pick<AllocationRequest, 'tenantId' | 'app'>): Promise<readonly PoolUsage[]>;
}

const KEY = 'mreg:pools';

const holdingsSchema = z.array(holdingSchema);

/** A change of the allocations, and the answer once it is stored. */
interface Change<A> {
  readonly answer: A;
  /** Absent: no change. */
  readonly holdings?: readonly Holding[];
}

export function createResourcePools(deps: {
  readonly state: StateStore;
  readonly clock: Clock;
  readonly newId: IdSource;
  /** The tenants of the settings. */
  readonly tenants: Config['tenants'];
}): ResourcePools {
  const { state, clock, newId } = deps;
  const tenants = deps.tenants.size;
  // One change at a time, so that an instance does not race itself. The queue serves tenants in turn, so that none delays another.
  const queue = createFairQueue(1, tenants);

  /** Decides on what is held, and decides again when another instance changed it meanwhile. */
  const change = <A>(
    tenantId: string,
    decide: (held: readonly Holding[], now: Date) => Change<A>,
  ): Promise<A> =>
    queue.run(tenantId, async () => {
      for (let attempt = 0; attempt < MAX_POOL_ATTEMPTS; attempt++) {
        const text = await state.get(KEY);
        const now = clock.now();
        const { answer, holdings } = decide(heldAt(text, now), now);
        if (holdings === undefined) return answer;
        const next = JSON.stringify(holdings);
        if ((await state.compareAndSet(KEY, text, next, MAX_HOLD_MS)) === 'stored') return answer;
        await delay(Math.random() * Math.min(200, 5 * 2 ** attempt));
      }
      const cause = new Error(`${MAX_POOL_ATTEMPTS} attempts were overtaken by other changes`);
      throw new InfrastructureError('state', 'change resource pools', cause);
    });

  const current = async () => heldAt(await state.get(KEY), clock.now());

  return {
    async allocate({ tenantId, app, operation, estimatedLoad, planId, holdForMs = DEFAULT_HOLD_MS }) {
      if (!Number.isInteger(holdForMs) || holdForMs < 1 || holdForMs > MAX_HOLD_MS)
        throw new RangeError(`an allocation must be held for 1 to ${MAX_HOLD_MS} whole milliseconds`);
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

/** Returns the allocations that have not expired; none where the value cannot be parsed. */
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
  const short = shortages.map(describe);
  const retryAfterMs = retryAt === undefined ? MAX_HOLD_MS : retryAt.getTime() - now.getTime();
  const advice =
    retryAt === undefined
      ? 'this is more than you can ever have: ask for less'
      : `try again in ${Math.ceil(retryAfterMs / 1_000)} seconds, or when something is released`;
  const message = `not enough for ${operation} of the ${app} app (${short.join('; ')}); ${advice}`;
  return { kind: 'exhausted', message, retryAfterMs };
}

function describe({ pool, asked, free, most, heldByTenant }: Shortage): string {
  const never = asked > most ? `, ${most} at most` : '';
  if (heldByTenant === undefined) return `${pool}: ${asked} asked, ${free} free${never}`;
  const { inUse: held, atMost } = heldByTenant;
  return `${pool}: ${asked} asked, and your tenant holds ${held} of the ${atMost} that it may${never}`;
}
