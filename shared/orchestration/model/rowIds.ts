import type { Clock } from '../../platform/base/clock.ts';
import { type IdSource, randomHex } from '../../platform/base/ids.ts';

/** The last moment that an id can name: 2060-01-01. Later ids sort as if they were of that moment. */
const LAST_MOMENT_MS = Date.UTC(2060, 0, 1);
const TIME_DIGITS = 11;

/** The digits of an id that decide its place in a list: the first and those of the time. */
export const ID_PLACE_LENGTH = 1 + TIME_DIGITS;

/** Returns digits that sort the newest first. */
export function timeDigits(moment: Date): string {
  const leftMs = Math.max(0, LAST_MOMENT_MS - moment.getTime());
  // V8 formats a number of more than 31 bits several times more slowly, and each request gets an id.
  const high = Math.floor(leftMs / 2 ** (4 * LOW_DIGITS));
  const low = leftMs % 2 ** (4 * LOW_DIGITS);
  return hex(high, TIME_DIGITS - LOW_DIGITS) + hex(low, LOW_DIGITS);
}

const LOW_DIGITS = 6;
const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

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
