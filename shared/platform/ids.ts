import { randomBytes } from 'node:crypto';

/** Makes opaque ids, as a dependency. */
export type IdSource = () => string;

/** 128 random bits as 32 hexadecimal digits: safe in a URL path, a table key and a message id. */
export const randomId: IdSource = () => randomBytes(16).toString('hex');

/** 256 random bits as 43 characters of base64url: nobody guesses them, so that to know them is to have a right. */
export const randomSecret: IdSource = () => randomBytes(32).toString('base64url');
