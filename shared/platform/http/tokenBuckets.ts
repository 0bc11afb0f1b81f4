import { LRUCache } from 'lru-cache';
import type { Clock } from '../base/clock.ts';

/** A token bucket: `burst` requests at once, and `perSecond` more each second. */
export interface BucketLimit {
  readonly perSecond: number;
  readonly burst: number;
}

/** A request that came before its bucket had a token. */
export interface Limited {
  /** Milliseconds until the bucket has a token. */
  readonly retryAfterMs: number;
  /** The first refusal of this bucket in a minute: the one to report. */
  readonly isNews: boolean;
}

/** Token buckets of one instance, by key. A key that was not used for long begins with a full bucket. */
export interface TokenBuckets {
  /** Takes a token. Returns `undefined` if there was one. */
  readonly take: (key: string) => Limited | undefined;
}

/** Buckets in memory. When there are more, the one that was used longest ago is forgotten, and so is full. */
const MAX_BUCKETS = 10_000;
const REPORT_EVERY_MS = 60_000;

/**
 * Takes a token at `now` from a bucket that is full at `fullAt`, in milliseconds. Returns when the bucket is full again, and how
 * long to wait if it is empty; an empty bucket does not change. One number describes a bucket (the generic cell rate algorithm,
 * ITU-T I.371).
 */
export function takeToken(
  { perSecond, burst }: BucketLimit,
  fullAt: number,
  now: number,
): { readonly fullAt: number; readonly waitMs: number } {
  const tokenMs = 1_000 / perSecond;
  // The clock may have been set back: a bucket is never emptier than empty.
  const from = Math.min(Math.max(fullAt, now), now + burst * tokenMs);
  const waitMs = from + tokenMs - (now + burst * tokenMs);
  // Sums of fractions differ by less than a microsecond.
  return waitMs > 0.001 ? { fullAt: from, waitMs } : { fullAt: from + tokenMs, waitMs: 0 };
}

export function createTokenBuckets(limit: BucketLimit, clock: Clock): TokenBuckets {
  const buckets = new LRUCache<string, { fullAt: number; reportedAt: number }>({ max: MAX_BUCKETS });
  return {
    take(key) {
      const now = clock.now().getTime();
      const bucket = buckets.get(key) ?? { fullAt: now, reportedAt: -Infinity };
      buckets.set(key, bucket);
      const { fullAt, waitMs } = takeToken(limit, bucket.fullAt, now);
      bucket.fullAt = fullAt;
      if (waitMs === 0) return undefined;
      const isNews = Math.abs(now - bucket.reportedAt) >= REPORT_EVERY_MS;
      if (isNews) bucket.reportedAt = now;
      return { retryAfterMs: waitMs, isNews };
    },
  };
}
