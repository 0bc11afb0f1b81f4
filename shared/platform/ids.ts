import { randomBytes, randomUUID } from 'node:crypto';

/** Makes opaque ids, as a dependency. */
export type IdSource = () => string;

/**
 * 122 random bits as 32 hexadecimal digits: safe in a URL path, a table key and a message id. Node keeps randomness in stock
 * for UUIDs alone: to ask the system for each id costs more than all else that a short request does with it.
 */
export const randomId: IdSource = () => randomUUID().replaceAll('-', '');

/** 256 random bits as 43 characters of base64url: nobody guesses them, so that to know them is to have a right. */
export const randomSecret: IdSource = () => randomBytes(32).toString('base64url');
