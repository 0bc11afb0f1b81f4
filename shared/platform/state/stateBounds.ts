import type { StateStore } from './stateStore.ts';

/**
 * Limits that every implementation can hold. Lengths are in bytes of UTF-8. The longest value still fits into a table row as
 * JSON.
 */
export const stateBounds = {
  keyBytes: 512,
  valueBytes: 65_536,
  /** TTLs, windows and leases. */
  durationMs: 30 * 24 * 3_600_000,
  increment: 1_000_000_000,
} as const;

/**
 * Returns the store with checked arguments. A call outside the bounds sends nothing and rejects with a RangeError that names the
 * rule.
 */
export function withinBounds(store: StateStore): StateStore {
  return {
    get: async (key) => store.get(checkKey(key)),
    set: async (key, value, ttlMs) =>
      store.set(checkKey(key), checkValue(value), checkDuration('a TTL', ttlMs)),
    delete: async (key) => store.delete(checkKey(key)),
    compareAndSet: async (key, expected, value, ttlMs) =>
      store.compareAndSet(
        checkKey(key),
        expected === undefined ? undefined : checkValue(expected),
        checkValue(value),
        checkDuration('a TTL', ttlMs),
      ),
    increment: async (key, by, windowMs) =>
      store.increment(checkKey(key), checkIncrement(by), checkDuration('a window', windowMs)),
    claim: async (key, ttlMs) => store.claim(checkKey(key), checkDuration('a lease', ttlMs)),
    renew: async (lease, ttlMs) => store.renew(checkLease(lease), checkDuration('a lease', ttlMs)),
    release: async (lease) => store.release(checkLease(lease)),
  };
}

function checkKey(key: string): string {
  if (key === '' || !isText(key, stateBounds.keyBytes))
    throw new RangeError(`a state key must be well-formed text of 1 to ${stateBounds.keyBytes} bytes`);
  return key;
}

function checkValue(value: string): string {
  if (!isText(value, stateBounds.valueBytes))
    throw new RangeError(`a state value must be well-formed text of at most ${stateBounds.valueBytes} bytes`);
  return value;
}

/** Half a surrogate pair has no UTF-8, so Redis would store a different text. */
const isText = (text: string, maxBytes: number): boolean =>
  text.isWellFormed() && Buffer.byteLength(text) <= maxBytes;

function checkDuration(what: string, ms: number): number {
  if (!Number.isInteger(ms) || ms < 1 || ms > stateBounds.durationMs)
    throw new RangeError(`${what} must be 1 to ${stateBounds.durationMs} whole milliseconds`);
  return ms;
}

function checkIncrement(by: number): number {
  if (!Number.isInteger(by) || by < 1 || by > stateBounds.increment)
    throw new RangeError(`an increment must be a whole number from 1 to ${stateBounds.increment}`);
  return by;
}

function checkLease<L extends { readonly key: string; readonly fence: number }>(lease: L): L {
  checkKey(lease.key);
  if (!Number.isSafeInteger(lease.fence) || lease.fence < 1)
    throw new RangeError('a fence must be a positive whole number');
  return lease;
}
