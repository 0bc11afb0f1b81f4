import type { Clock } from '../../platform/base/clock.ts';
import { type IdSource, randomHex } from '../../platform/base/ids.ts';

/** The last moment that an id can name: 2060-01-01. Later ids sort as if they were of that moment. */
const LAST_MOMENT_MS = Date.UTC(2060, 0, 1);
const TIME_DIGITS = 11;

/** The digits of an id that decide its place in a list: the first and those of the time. */
export const ID_PLACE_LENGTH = 1 + TIME_DIGITS;

/** Returns digits that sort the newest first. */
export const timeDigits = (moment: Date): string =>
  Math.max(0, LAST_MOMENT_MS - moment.getTime())
    .toString(16)
    .padStart(TIME_DIGITS, '0');

/**
 * Creates ids of 32 hexadecimal digits: a random one, the time, and 80 random bits. The first digit spreads rows over
 * partitions. In each of them the newest id comes first, so a list of the newest rows reads no others.
 */
export const createRowIds =
  (clock: Clock): IdSource =>
  () => {
    const random = randomHex(11);
    return random.slice(0, 1) + timeDigits(clock.now()) + random.slice(2);
  };
