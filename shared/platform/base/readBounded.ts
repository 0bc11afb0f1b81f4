/** Returns the body of an answer of `fetch`, or `undefined` if it is longer than `maxBytes`. The rest is then not read. */
export async function readBoundedBody({ body }: Response, maxBytes: number): Promise<Uint8Array | undefined> {
  const reader: ReadableStreamDefaultReader<Uint8Array> | undefined = body?.getReader();
  const bytes = await readBounded(async () => (await reader?.read())?.value, maxBytes);
  if (bytes === undefined) await reader?.cancel();
  return bytes;
}

/**
 * Reads a body that comes in chunks, and returns it whole. Returns `undefined` once it is longer than `maxBytes`; the rest is then
 * still unread. `next` returns `undefined` at the end. An error of `next` is passed on.
 */
export async function readBounded<Chunk extends Uint8Array>(
  next: () => Promise<Chunk | undefined>,
  maxBytes: number,
): Promise<Chunk | Buffer | undefined> {
  const chunks: Chunk[] = [];
  let length = 0;
  for (let chunk = await next(); chunk !== undefined; chunk = await next()) {
    length += chunk.byteLength;
    if (length > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, length);
}
