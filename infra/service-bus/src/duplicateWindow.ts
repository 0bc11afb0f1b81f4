/** The message ids that a queue has seen within its duplicate detection window. */
export class DuplicateWindow {
  readonly #windowMs: number;
  /** Oldest first. */
  readonly #seenAt = new Map<string, number>();

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** The ids with the times at which they were seen, oldest first. */
  entries(): readonly (readonly [messageId: string, seenAt: number])[] {
    return [...this.#seenAt];
  }

  /** Takes back what `entries` has returned. */
  restore(entries: Iterable<readonly [messageId: string, seenAt: number]>): void {
    for (const [messageId, seenAt] of entries) this.#seenAt.set(messageId, seenAt);
  }

  /** Returns whether the id is new within the window, and records it. */
  admit(messageId: string, now: number): boolean {
    for (const [oldest, seenAt] of this.#seenAt) {
      if (now - seenAt < this.#windowMs) break;
      this.#seenAt.delete(oldest);
    }
    if (this.#seenAt.has(messageId)) return false;
    this.#seenAt.set(messageId, now);
    return true;
  }
}
