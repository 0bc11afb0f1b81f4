import type { ServerResponse } from 'node:http';

/** A body of the library, or of `hostResponse`. */
type Chunks = Iterable<string | Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Writes a body chunk by chunk. When the client leaves, it calls `return` of the iterator, also while the next chunk is
 * awaited. It reads nothing if the client left before.
 */
export async function writeBody(chunks: Chunks, response: ServerResponse): Promise<void> {
  if (Symbol.iterator in chunks) {
    for (const chunk of chunks) response.write(chunk);
    return;
  }
  const iterator = chunks[Symbol.asyncIterator]();
  const end = () => void iterator.return?.();
  const hasLeft = () => response.destroyed;
  if (hasLeft()) {
    end();
    return;
  }
  response.once('close', end);
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    if (hasLeft()) return;
    response.write(next.value);
  }
  response.off('close', end);
}
