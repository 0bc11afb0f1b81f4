import type { Clock } from '../../src/clock.ts';

/** The longest delay that Node's setTimeout keeps; it fires anything longer after 1 ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A clock that a test moves; its timers are as forgetful about long delays as Node's. */
export class ManualClock implements Clock {
  /** How often a timer has rung. */
  rings = 0;
  #now = Date.UTC(2026, 0, 1);
  readonly #timers = new Set<{ readonly at: number; readonly ring: () => void }>();

  get armedTimers(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  after(delayMs: number, ring: () => void): () => void {
    const timer = { at: this.#now + (delayMs > LONGEST_TIMER_MS ? 1 : delayMs), ring };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /** Moves on and rings what is due on the way, each at its moment. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      this.rings += 1;
      next.ring();
    }
    this.#now = end;
  }

  /** Moves on while no timer rings, as on a machine that was suspended. */
  skip(ms: number): void {
    this.#now += ms;
  }
}
