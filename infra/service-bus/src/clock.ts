/** The clock of the broker. Tests pass one that they move. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `ring` once after `delayMs`, unless the returned function is called first. */
  after(delayMs: number, ring: () => void): () => void;
}

export const systemClock: Clock = {
  now: Date.now,
  after(delayMs, ring) {
    const timer = setTimeout(ring, delayMs);
    return () => {
      clearTimeout(timer);
    };
  },
};
