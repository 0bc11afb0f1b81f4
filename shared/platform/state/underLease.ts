import { setTimeout as delay } from 'node:timers/promises';
import type { StateStore } from './stateStore.ts';

const [FIRST_DELAY_MS, MAX_DELAY_MS] = [50, 500];

/**
 * Runs `act` while no other instance runs one under the same key. It waits `waitMs` for the lease at most, and returns `busy` then.
 * `act` must end within `ttlMs`.
 */
export async function underLease<T>(
  state: Pick<StateStore, 'claim' | 'release'>,
  key: string,
  { ttlMs, waitMs }: { readonly ttlMs: number; readonly waitMs: number },
  act: () => Promise<T>,
): Promise<T | 'busy'> {
  for (let waitedMs = 0, delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(2 * delayMs, MAX_DELAY_MS)) {
    const claim = await state.claim(key, ttlMs);
    if (claim.status === 'claimed') {
      try {
        return await act();
      } finally {
        // A lease that is not released expires.
        await state.release(claim.lease).catch(() => undefined);
      }
    }
    if (waitedMs >= waitMs) return 'busy';
    await delay(delayMs);
    waitedMs += delayMs;
  }
}
