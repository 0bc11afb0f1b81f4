import { hash, timingSafeEqual } from 'node:crypto';

/** Returns whether two secrets are the same, in a time that tells neither where they differ nor how long they are. */
export const isSameSecret = (one: string, other: string): boolean =>
  timingSafeEqual(digestOf(one), digestOf(other));

const digestOf = (secret: string): Buffer => hash('sha256', secret, 'buffer');
