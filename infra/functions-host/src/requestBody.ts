import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

/** Kestrel takes no longer body, whatever the function would. */
const MAX_BODY_BYTES = 100 * 1024 * 1024;

export class BodyTooLarge extends Error {}

/**
 * The body as far as Azure reads it before the function runs: whole when its length is announced, undefined when
 * there is none or it comes chunked. Throws `BodyTooLarge` without reading one that is announced as too long.
 */
export async function readAnnouncedBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const length = Number(request.headers['content-length'] ?? 0);
  if (length > MAX_BODY_BYTES) throw new BodyTooLarge();
  if (length === 0) return undefined;
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(request, 'end');
  return Buffer.concat(chunks);
}

/** A chunked body as it comes; reading it fails once it is too long. */
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
