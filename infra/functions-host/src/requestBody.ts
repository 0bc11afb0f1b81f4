import { Readable } from 'node:stream';
import type { HttpCall } from './httpCall.ts';

/** Kestrel's limit of a body, for all functions. */
const MAX_BODY_BYTES = 100 * 1024 * 1024;

export class BodyTooLarge extends Error {}

/**
 * Reads the body that Azure reads before the function runs: a whole body with `Content-Length`, `undefined` for a chunked
 * body or none. @throws BodyTooLarge, without reading, when `Content-Length` exceeds the limit.
 */
export function readAnnouncedBody({ request, headers }: HttpCall): Promise<Buffer> | undefined {
  const length = Number(headers['content-length'] ?? 0);
  if (length > MAX_BODY_BYTES) throw new BodyTooLarge();
  if (length === 0) return undefined;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks));
      })
      .on('error', reject);
  });
}

/** Returns a chunked body as a stream, which fails when the body exceeds the limit. */
export function limitedBody(request: AsyncIterable<Buffer>): Readable {
  return Readable.from(limited(request), { objectMode: false });
}

async function* limited(request: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new BodyTooLarge();
    yield chunk;
  }
}
