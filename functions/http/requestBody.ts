import type { ReadableStream, ReadableStreamDefaultReader } from 'node:stream/web';
import { type Result, fail, succeed } from '../../shared/platform/base/result.ts';

/** The part of a request that its body is read from; both a Fetch `Request` and a Functions `HttpRequest` have it. */
export interface BodySource {
  readonly headers: { get(name: string): string | null };
  readonly body: ReadableStream<Uint8Array> | null;
}

/** Enough for any call of the API or of a tool that a gateway should carry. */
export const MAX_BODY_BYTES = 1024 * 1024;

/**
 * Reads a JSON body of at most 1 MiB and parses it once. `whenAbsent` stands for one without a byte, of whatever type; where there
 * is none, that is `invalid`. Failures: `unsupported_media_type`, `too_large`, `invalid`, and `bad_request` where the client left before it
 * had sent all. Their messages never quote the body.
 */
export async function readJson(request: BodySource, whenAbsent?: unknown): Promise<Result<unknown>> {
  const mistyped = typeFault(request.headers);
  if (mistyped !== undefined && whenAbsent === undefined) return mistyped;
  const bytes = await bodyOf(request);
  if (!bytes.ok) return bytes;
  if (bytes.value.length === 0)
    return whenAbsent === undefined ? invalid('a JSON body is required') : succeed(whenAbsent);
  if (mistyped !== undefined) return mistyped;
  try {
    return succeed(JSON.parse(utf8.decode(bytes.value)) as unknown);
  } catch {
    return invalid('the body is not valid JSON in UTF-8');
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function typeFault(headers: BodySource['headers']): Result<never> | undefined {
  const mistyped = (message: string) => fail({ kind: 'unsupported_media_type', message });
  const [type] = (headers.get('content-type') ?? '').split(';');
  if (type?.trim().toLowerCase() !== 'application/json')
    return mistyped('the body must be JSON: send "Content-Type: application/json"');
  if ((headers.get('content-encoding') ?? 'identity') !== 'identity')
    return mistyped('the body must not be compressed');
  return undefined;
}

async function bodyOf({ headers, body }: BodySource): Promise<Result<Uint8Array>> {
  const tooLarge = fail({ kind: 'too_large', message: `the body is larger than ${MAX_BODY_BYTES} bytes` });
  if (Number(headers.get('content-length') ?? 0) > MAX_BODY_BYTES) return tooLarge;
  try {
    const bytes = body === null ? new Uint8Array() : await bytesOf(body);
    return bytes ? succeed(bytes) : tooLarge;
  } catch {
    // Reading fails with the connection alone, and nobody is there to have an answer.
    return fail({ kind: 'bad_request', message: 'the connection ended before the whole body had come' });
  }
}

/**
 * Returns a whole body, or `undefined` where it is too large. Then it reads and discards the rest: a cancelled body breaks the
 * connection to the Functions host, which then answers late or never. A reader costs a third less than iteration.
 */
async function bytesOf(body: ReadableStream<Uint8Array>): Promise<Uint8Array | undefined> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    length += next.value.byteLength;
    if (length > MAX_BODY_BYTES) {
      chunks.length = 0;
      await orSoon(discard(reader));
      return undefined;
    }
    chunks.push(next.value);
  }
  return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, length);
}

/** A client that sends slowly gets its answer after this time, while it still sends. */
const ANSWER_WITHIN_MS = 5_000;
/** Limits of the rest of a body that is discarded; the reader is then cancelled. The Functions host takes bodies of 100 MB. */
const DISCARD_WITHIN_MS = 60_000;
const DISCARD_BYTES = 128 * 1024 * 1024;

/** Resolves when `done` does, or after `ANSWER_WITHIN_MS`. */
function orSoon(done: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ANSWER_WITHIN_MS);
    void done.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Reads a body to its end, within bounds. Never rejects: a client may leave. */
async function discard(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  const cut = setTimeout(() => void reader.cancel().catch(() => undefined), DISCARD_WITHIN_MS).unref();
  try {
    let length = 0;
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      length += next.value.byteLength;
      if (length > DISCARD_BYTES) await reader.cancel();
    }
  } catch {
    // The client has left, and its body with it.
  } finally {
    clearTimeout(cut);
  }
}

const invalid = (message: string) => fail({ kind: 'invalid', message, errors: [{ path: '', message }] });
