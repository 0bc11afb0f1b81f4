/** The time, as a dependency: tests advance it. */
export interface Clock {
  now(): Date;
}

/**
 * The clocks of two machines may differ by this. A time that another machine wrote counts as past only when it is past by this
 * much. RFC 7519, section 4.1.4, allows such a leeway for tokens.
 */
export const CLOCK_TOLERANCE_MS = 60_000;

export const systemClock: Clock = { now: () => new Date() };
