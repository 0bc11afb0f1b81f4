/** The message ids a queue has seen within its duplicate detection window. */
export class DuplicateWindow {
  readonly #windowMs: number;
  /** In the order in which they were seen, so that the oldest come first. */
  readonly #seenAt = new Map<string, number>();

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** True when the id is new within the window; it counts as seen from now on. */
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
