import { describe, expect, test } from 'vitest';
import { createTokenBuckets, takeToken } from '../../../shared/platform/http/tokenBuckets.ts';

const start = Date.UTC(2026, 0, 1);

/** Buckets of ten at once and two a second, with a clock to move. */
function buckets(limit = { perSecond: 2, burst: 10 }) {
  let now = start;
  const { take } = createTokenBuckets(limit, { now: () => new Date(now) });
  return {
    take,
    advance: (ms: number) => void (now += ms),
    /** How many of these requests get a token. */
    taken: (key: string, requests: number) =>
      Array.from({ length: requests }, () => take(key)).filter((limited) => limited === undefined).length,
  };
}

describe('a bucket', () => {
  test('holds its burst, and says when the next token comes', () => {
    const { take, taken } = buckets();
    expect(taken('a', 10)).toBe(10);
    expect(take('a')).toEqual({ retryAfterMs: 500, isNews: true });
    expect(taken('b', 1)).toBe(1);
  });

  test('fills by its rate and never above its burst', () => {
    const { taken, advance } = buckets();
    expect(taken('a', 20)).toBe(10);
    advance(499);
    expect(taken('a', 1)).toBe(0);
    advance(1);
    expect(taken('a', 2)).toBe(1);
    advance(3_000);
    expect(taken('a', 20)).toBe(6);
    advance(86_400_000);
    expect(taken('a', 20)).toBe(10);
  });

  test('does not get emptier by the requests that it refuses', () => {
    const { taken, advance } = buckets();
    taken('a', 1_000);
    advance(500);
    expect(taken('a', 1)).toBe(1);
  });

  test.each([
    { perSecond: 0.1, burst: 1 },
    { perSecond: 3, burst: 7 },
    { perSecond: 50, burst: 200 },
    { perSecond: 100_000, burst: 1_000_000 },
  ])('of %o lets through what it says over an hour', (limit) => {
    let fullAt = start;
    let passed = 0;
    const requests = 200_000;
    for (let index = 0; index < requests; index += 1) {
      const taken = takeToken(limit, fullAt, start + (index * 3_600_000) / requests);
      fullAt = taken.fullAt;
      if (taken.waitMs === 0) passed += 1;
    }
    const most = Math.min(requests, limit.burst + limit.perSecond * 3_600);
    expect(passed).toBeGreaterThanOrEqual(Math.floor(most) - 1);
    expect(passed).toBeLessThanOrEqual(Math.ceil(most));
  });

  test('is usable after the clock was set back', () => {
    const { take, taken, advance } = buckets();
    taken('a', 20);
    advance(-86_400_000);
    expect(take('a')?.retryAfterMs).toBeLessThanOrEqual(500);
    advance(500);
    expect(taken('a', 1)).toBe(1);
  });

  test('is news once a minute', () => {
    const { take, taken, advance } = buckets();
    const news = () => Array.from({ length: 20 }, () => take('a')).filter((limited) => limited?.isNews);
    taken('a', 10);
    expect(news()).toHaveLength(1);
    advance(59_999);
    expect(news()).toHaveLength(0);
    advance(1);
    expect(news()).toHaveLength(1);
  });

  test('is one of a bounded number: the one that was used longest ago is forgotten', () => {
    const { taken } = buckets();
    expect(taken('first', 10)).toBe(10);
    expect(taken('kept', 10)).toBe(10);
    for (let index = 0; index < 9_998; index += 1) taken(`other ${index}`, 1);
    expect(taken('kept', 1)).toBe(0);
    taken('one more', 1);
    expect([taken('kept', 1), taken('first', 1)]).toEqual([0, 1]);
  });
});
