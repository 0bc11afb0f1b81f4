import { createHash, randomBytes, randomFillSync } from 'node:crypto';
import { z } from 'zod';

/** Makes opaque ids, as a dependency. */
export type IdSource = () => string;

/** 128 random bits as 32 hexadecimal digits: safe in a URL path, a table key and a message id. */
export const randomId: IdSource = () => randomHex(16);

/** Returns an id derived from a JSON value: the same for the same value, and as safe in paths and keys as a random one. */
export const derivedId = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 32);

/** 256 random bits as 43 characters of base64url: nobody guesses them, so that to know them is to have a right. */
export const randomSecret: IdSource = () => randomBytes(32).toString('base64url');

/**
 * Matches every id, slug and name in a path: 1 to 200 letters, digits, `-` and `_`. No store is asked for any other text. These
 * characters are legal in a table key, a state key, a message id and a URL.
 */
const ID = /^[\w-]{1,200}$/;
export const idSchema = z.string().regex(ID, 'must be 1 to 200 letters, digits, - and _');

/** Whether a text could be an id. */
export const isId = (text: string): boolean => ID.test(text);

const stock = Buffer.alloc(4_096);
let used = stock.length;

/**
 * So many random bytes in hexadecimal, at most 4,096, from a stock: to ask the system for each few costs more than all else that
 * a short request does with an id. Not for secrets, which must not lie about.
 */
export function randomHex(bytes: number): string {
  if (used + bytes > stock.length) {
    randomFillSync(stock);
    used = 0;
  }
  used += bytes;
  return stock.toString('hex', used - bytes, used);
}
