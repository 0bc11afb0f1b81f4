import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allocate, type Holding, inUse, unexpired } from '../../../../shared/orchestration/pools/allocate.ts';
import { shares } from '../../../../shared/orchestration/pools/pools.ts';

const start = Date.UTC(2026, 0, 1);
const at = (ms: number) => new Date(start + ms);
const apps = ['management', 'mcp'] as const;
const none = { databaseConnections: 0, redisConnections: 0, oauthValidations: 0 };

const holding = (
  units: Partial<Holding['units']>,
  {
    app = 'management',
    endsMs = 60_000,
    id = 'x',
  }: { app?: Holding['app']; endsMs?: number; id?: string } = {},
): Holding => ({
  id,
  app,
  tenantId: 't',
  operation: 'plan',
  units: { ...none, ...units },
  expiresAt: at(endsMs).toISOString(),
});
const database = (many: number, more: Parameters<typeof holding>[1] = {}) =>
  holding({ databaseConnections: many }, more);
const decide = (held: readonly Holding[], request: Holding) => allocate(held, request, at(0), 1).kind;

describe('of the database connections', () => {
  test('an app has its reserved eight and then the shared four, and no more', () => {
    expect(decide([], database(12))).toBe('allocated');
    expect(decide([], database(13))).toBe('short');
    expect(decide([database(12)], database(1))).toBe('short');
  });

  test("nobody gets another app's reserved share, even while that is free", () => {
    expect(decide([database(12)], database(1))).toBe('short');
    expect(decide([database(12)], database(8, { app: 'mcp' }))).toBe('allocated');
    expect(decide([database(12)], database(9, { app: 'mcp' }))).toBe('short');
  });

  test('what both apps have of the shared four is never more than four', () => {
    const held = [database(10), database(10, { app: 'mcp' })];
    for (const app of apps) expect(decide(held, database(1, { app }))).toBe('short');
    expect(decide(held.slice(1), database(10))).toBe('allocated');
    expect(decide(held.slice(1), database(11))).toBe('short');
  });

  test('an app that releases gives back to the shared share first', () => {
    const held = [database(6), database(6), database(8, { app: 'mcp' })];
    expect(decide(held, database(1, { app: 'mcp' }))).toBe('short');
    expect(decide(held.slice(1), database(4, { app: 'mcp' }))).toBe('allocated');
  });
});

describe('of the other pools', () => {
  test.each([
    ['redis_connections', 'redisConnections', 10],
    ['oauth_tokens', 'oauthValidations', 50],
  ] as const)('either app may have all of %s', (pool, unit, most) => {
    for (const app of apps) {
      expect(decide([], holding({ [unit]: most }, { app }))).toBe('allocated');
      expect(decide([holding({ [unit]: most - 1 }, { app: 'mcp' })], holding({ [unit]: 1 }, { app }))).toBe(
        'allocated',
      );
      expect(allocate([holding({ [unit]: 1 })], holding({ [unit]: most }, { app }), at(0), 1)).toMatchObject({
        kind: 'short',
        shortages: [{ pool, asked: most, free: most - 1, most }],
      });
    }
  });
});

test('a request that does not fit takes nothing, and every pool that is short is named', () => {
  const request = holding({ databaseConnections: 13, redisConnections: 2, oauthValidations: 51 });
  expect(allocate([], request, at(0), 1)).toEqual({
    kind: 'short',
    retryAt: undefined,
    shortages: [
      { pool: 'database_connections', asked: 13, free: 12, most: 12 },
      { pool: 'oauth_tokens', asked: 51, free: 50, most: 50 },
    ],
  });
});

test('what has expired is free at that moment, and drops out', () => {
  const held = [database(12, { endsMs: 0 }), database(1, { id: 'y' })];
  expect(allocate(held, database(11, { id: 'z' }), at(0), 1)).toMatchObject({
    kind: 'allocated',
    holdings: [{ id: 'y' }, { id: 'z' }],
  });
  expect(allocate(held, database(11), at(-1), 1)).toMatchObject({ kind: 'short', retryAt: at(0) });
});

const units = fc.record({
  databaseConnections: fc.integer({ min: 0, max: 14 }),
  redisConnections: fc.integer({ min: 0, max: 11 }),
  oauthValidations: fc.integer({ min: 0, max: 55 }),
});
const request = fc.record({
  app: fc.constantFrom(...apps),
  units,
  holdMs: fc.integer({ min: 1, max: 1_000 }),
  /** How much later than the event before. */
  afterMs: fc.integer({ min: 0, max: 300 }),
  /** Which of those held is released before, if it is that many. */
  releases: fc.option(fc.nat(9), { nil: undefined }),
});

/** Plays the requests and looks at every decision. */
function play(
  requests: readonly (typeof request extends fc.Arbitrary<infer R> ? R : never)[],
  look: (held: readonly Holding[], asked: Holding, now: Date, decision: ReturnType<typeof allocate>) => void,
): void {
  let held: readonly Holding[] = [];
  let ms = 0;
  requests.forEach(({ app, units, holdMs, afterMs, releases }, index) => {
    ms += afterMs;
    held = held.filter((_, place) => place !== releases);
    const asked = holding(units, { app, endsMs: ms + holdMs, id: String(index) });
    const decision = allocate(held, asked, at(ms), 1);
    look(held, asked, at(ms), decision);
    if (decision.kind === 'allocated') held = decision.holdings;
  });
}
const requests = fc.array(request, { maxLength: 30 });

describe('whatever is asked for, released and left to expire', () => {
  test('no limit is ever exceeded', () => {
    fc.assert(
      fc.property(requests, (all) => {
        play(all, (_, __, now, decision) => {
          if (decision.kind === 'short') return;
          for (const share of shares) {
            const held = unexpired(decision.holdings, now);
            const beyond = apps.map((app) => Math.max(0, inUse(share, held, app) - share.reserved[app]));
            expect(inUse(share, held)).toBeLessThanOrEqual(share.maxPoolSize);
            expect(beyond.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(share.shared);
          }
        });
      }),
    );
  });

  test('an app is never refused what is left of its own reserved share', () => {
    fc.assert(
      fc.property(requests, (all) => {
        play(all, (held, { app }, now) => {
          const [share] = shares;
          if (!share) throw new Error('there are no pools');
          const left = share.reserved[app] - inUse(share, unexpired(held, now), app);
          if (left > 0) expect(allocate(held, database(left, { app }), now, 1).kind).toBe('allocated');
        });
      }),
    );
  });

  test('a refusal names what is short, and the first moment at which it will fit', () => {
    fc.assert(
      fc.property(requests, (all) => {
        play(all, (held, asked, now, decision) => {
          if (decision.kind === 'allocated') return;
          expect(decision.shortages.every(({ asked, free }) => asked > free)).toBe(true);
          if (decision.retryAt === undefined) {
            expect(allocate([], asked, now, 1).kind).toBe('short');
          } else {
            expect(allocate(held, asked, decision.retryAt, 1).kind).toBe('allocated');
            expect(allocate(held, asked, new Date(decision.retryAt.getTime() - 1), 1).kind).toBe('short');
          }
        });
      }),
    );
  });
});
