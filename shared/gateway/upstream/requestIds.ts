/** Returns the id of the next request to a server: a whole number, because many servers know no other ids. */
export type RequestIds = () => number;

/** Ids fit into 31 bits, for servers that hold them in a 32-bit integer. */
const MAX_ID = 0x7fff_ffff;

/**
 * Counts ids up from a place that `seed` decides; from 1 without a seed. Instances share sessions with servers. With different
 * seeds two of them hardly ever have the same id in use.
 */
export function createRequestIds(seed = ''): RequestIds {
  let last = 0;
  for (let index = 0; index < seed.length; index++)
    last = (Math.imul(last, 31) + seed.charCodeAt(index)) & MAX_ID;
  return () => (last = (last % MAX_ID) + 1);
}
