import { expect } from 'vitest';
import { InfrastructureError } from '../../shared/platform/base/errors.ts';

/** Two seconds, and what a busy machine adds. */
export const BOUND_MS = 2_500;

export interface Ended<A> {
  readonly tookMs: number;
  readonly value?: A;
  readonly fault?: unknown;
}

export async function timed<A>(call: Promise<A>): Promise<Ended<A>> {
  const start = performance.now();
  try {
    const value = await call;
    return { tookMs: performance.now() - start, value };
  } catch (fault) {
    return { tookMs: performance.now() - start, fault };
  }
}

/** It ended within the bound, with a value or with the one fault that is allowed. */
export function expectClear({ tookMs, fault }: Ended<unknown>): void {
  expect(tookMs).toBeLessThan(BOUND_MS);
  if (fault === undefined) return;
  expect(fault).toBeInstanceOf(InfrastructureError);
  expect(fault).toMatchObject({ part: 'redis' });
}
