import type { ServerResponse } from 'node:http';

/** A body of the library, or of `hostResponse`. */
type Body = string | Uint8Array | AsyncIterable<Uint8Array>;

/**
 * Writes a body, a stream chunk by chunk, and ends the response. When the client leaves, it calls `return` of the iterator, also
 * while the next chunk is awaited. It reads nothing if the client left before.
 */
export async function writeBody(body: Body | undefined, response: ServerResponse): Promise<void> {
  if (typeof body === 'string' || body instanceof Uint8Array) response.end(body);
  else {
    if (body) await writeChunks(body[Symbol.asyncIterator](), response);
    response.end();
  }
}

async function writeChunks(chunks: AsyncIterator<Uint8Array>, response: ServerResponse): Promise<void> {
  const leave = () => void chunks.return?.();
  const hasLeft = () => response.destroyed;
  if (hasLeft()) {
    leave();
    return;
  }
  response.once('close', leave);
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
    if (hasLeft()) return;
    response.write(next.value);
  }
  response.off('close', leave);
}
