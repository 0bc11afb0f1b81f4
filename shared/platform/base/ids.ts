import { createHash, randomBytes, randomFillSync } from 'node:crypto';
import * as z from 'zod';

/** Returns a new opaque id. It is a dependency that tests replace. */
export type IdSource = () => string;

/** Returns 128 random bits as 32 hexadecimal digits, which are legal in a URL path, a table key and a message id. */
export const randomId: IdSource = () => randomHex(16);

/** Returns the id of a JSON value: 32 hexadecimal digits, always the same for the same value. */
export const derivedId = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 32);

/** Returns 256 random bits as 43 characters of base64url. Nobody can guess them, so they can serve as a credential. */
export const randomSecret: IdSource = () => randomBytes(32).toString('base64url');

/**
 * Matches every id, slug and name in a path: 1 to 200 letters, digits, `-` and `_`. No other text is ever sent to a store. These
 * characters are legal in a table key, a state key, a message id and a URL.
 */
const ID = /^[\w-]{1,200}$/;
export const idSchema = z.string().regex(ID, 'must be 1 to 200 letters, digits, - and _');

/** Returns whether a text has the form of an id. */
export const isId = (text: string): boolean => ID.test(text);

/** Random bytes that were drawn together: to ask the system for a few at a time costs more than the rest of a short request. */
const pool = Buffer.alloc(4_096);
let used = pool.length;

/**
 * Returns random bytes in hexadecimal, at most 4,096. They come from a pool that stays in memory, so they must not serve as
 * secrets.
 */
export function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString('hex', used - bytes, used);
}
