import { parseJsonBytes, type ParseText } from '../../shared/platform/base/json.ts';
import { readBounded } from '../../shared/platform/base/readBounded.ts';
import { fail, type Result, succeed } from '../../shared/platform/base/result.ts';
import { DISCARD_TIMEOUT_MS, MAX_BODY_BYTES, MAX_DISCARDED_BYTES, TOO_LARGE_ANSWER_MS } from './limits.ts';

/** The part of a request that its body is read from. */
export interface BodySource {
  readonly headers: { get(name: string): string | null };
  /** `return` of its iterator closes the connection, also while a chunk is awaited. */
  readonly body: AsyncIterable<Uint8Array, undefined> | null;
}

/**
 * Reads a JSON body of at most 1 MiB and parses it once. For an empty body of any type it returns `whenAbsent`; without that,
 * the failure is `invalid`. Other failures: `unsupported_media_type`, `too_large`, `invalid`, and `bad_request` if the client
 * left before it had sent everything. Messages never quote the body.
 */
export async function readJson(
  request: BodySource,
  whenAbsent?: unknown,
  parse?: ParseText,
): Promise<Result<unknown>> {
  const fault = typeFault(request.headers);
  if (fault !== undefined && whenAbsent === undefined) return fault;
  const bytes = await bodyOf(request);
  if (!bytes.ok) return bytes;
  if (bytes.value.length === 0)
    return whenAbsent === undefined ? invalid('a JSON body is required') : succeed(whenAbsent);
  if (fault !== undefined) return fault;
  const value = parseJsonBytes(bytes.value, parse);
  return value === undefined ? invalid('the body is not valid JSON in UTF-8') : succeed(value);
}

/** Reads a body of at most 1 MiB of any content type. Failures: those of `readJson`, and those of `parse`. */
export async function readBodyOf(
  request: BodySource,
  parse: (bytes: Uint8Array) => Result<unknown>,
): Promise<Result<unknown>> {
  const compressed = encodingFault(request.headers);
  if (compressed) return compressed;
  const bytes = await bodyOf(request);
  if (!bytes.ok) return bytes;
  return bytes.value.length === 0 ? invalid('a body is required') : parse(bytes.value);
}

const mistyped = (message: string) => fail({ kind: 'unsupported_media_type', message });

function typeFault(headers: BodySource['headers']): Result<never> | undefined {
  const [type] = (headers.get('content-type') ?? '').split(';');
  if (type?.trim().toLowerCase() !== 'application/json')
    return mistyped('the body must be JSON: send "Content-Type: application/json"');
  return encodingFault(headers);
}

const encodingFault = (headers: BodySource['headers']): Result<never> | undefined =>
  (headers.get('content-encoding') ?? 'identity') === 'identity'
    ? undefined
    : mistyped('the body must not be compressed');

const tooLarge = fail({ kind: 'too_large', message: `the body is larger than ${MAX_BODY_BYTES} bytes` });

/**
 * Returns the whole body. Reads and discards the rest of a body that is too large, because a closed connection to the Functions
 * host is answered late or never.
 */
async function bodyOf({ headers, body }: BodySource): Promise<Result<Uint8Array>> {
  if (Number(headers.get('content-length') ?? 0) > MAX_BODY_BYTES) return tooLarge;
  if (body === null) return succeed(new Uint8Array());
  try {
    const chunks = body[Symbol.asyncIterator]();
    const bytes = await readBounded(() => chunks.next().then(valueOf), MAX_BODY_BYTES);
    if (bytes) return succeed(bytes);
    await orSoon(discard(chunks));
    return tooLarge;
  } catch {
    // Only a broken connection fails here, so no client receives the answer.
    return fail({ kind: 'bad_request', message: 'the connection ended before the whole body had come' });
  }
}

const valueOf = ({ value }: IteratorResult<Uint8Array, undefined>) => value;

/** Resolves when `done` does, or after `TOO_LARGE_ANSWER_MS`. */
function orSoon(done: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, TOO_LARGE_ANSWER_MS);
    void done.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Reads a body to its end, within bounds. Never rejects: a client may leave. */
async function discard(chunks: AsyncIterator<Uint8Array, undefined>): Promise<void> {
  const cut = setTimeout(() => void chunks.return?.().catch(() => undefined), DISCARD_TIMEOUT_MS).unref();
  try {
    let length = 0;
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
      length += next.value.byteLength;
      if (length > MAX_DISCARDED_BYTES) await chunks.return?.();
    }
  } catch {
    // The client has left, and its body with it.
  } finally {
    clearTimeout(cut);
  }
}

const invalid = (message: string) => fail({ kind: 'invalid', message, errors: [{ path: '', message }] });
