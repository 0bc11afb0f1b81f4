/** The current time, as a dependency that tests replace. */
export interface Clock {
  now(): Date;
}

/**
 * The largest difference between the clocks of two machines, in milliseconds. A time that another machine wrote is past only once
 * this much has passed after it. RFC 7519, section 4.1.4, allows such a leeway for tokens.
 */
export const CLOCK_TOLERANCE_MS = 60_000;

export const systemClock: Clock = { now: () => new Date() };
