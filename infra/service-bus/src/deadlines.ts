import type { Clock } from './clock.ts';
import { Heap } from './heap.ts';

/** Node fires a timer of more than 2^31 - 1 ms at once, so a far moment is approached in steps of this length. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Items that become due, with one timer for all of them, armed for the earliest. */
export class Deadlines<T extends { dueAt: number }> {
  readonly #clock: Clock;
  readonly #ring: () => void;
  readonly #items = new Heap<T>((a, b) => a.dueAt < b.dueAt);
  #ringsAt = Infinity;
  #cancelTimer: (() => void) | undefined;

  /** `ring` is called when an item is due; it must take what is due. */
  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Replaces the moment the item had; `Infinity` means never. */
  set(item: T, dueAt: number): void {
    this.#items.delete(item);
    item.dueAt = dueAt;
    if (dueAt === Infinity) return;
    this.#items.push(item);
    this.#armFor(dueAt);
  }

  delete(item: T): void {
    this.#items.delete(item);
  }

  /** Removes and returns the earliest item that is due. */
  take(now: number): T | undefined {
    const first = this.#items.first();
    return first && first.dueAt <= now ? this.#items.shift() : undefined;
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#ringsAt = Infinity;
  }

  /** A later moment than the armed one changes nothing: the timer rings early and is armed anew. */
  #armFor(dueAt: number): void {
    if (dueAt >= this.#ringsAt) return;
    this.stop();
    this.#ringsAt = dueAt;
    const delayMs = Math.min(Math.max(0, dueAt - this.#clock.now()), LONGEST_TIMER_MS);
    this.#cancelTimer = this.#clock.after(delayMs, () => {
      this.#ringsAt = Infinity;
      this.#ring();
      this.#armFor(this.#items.first()?.dueAt ?? Infinity);
    });
  }
}
