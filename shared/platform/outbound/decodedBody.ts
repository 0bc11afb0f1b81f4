import type { Transform } from 'node:stream';
import { constants, createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { readBounded } from '../base/readBounded.ts';
import type { OutboundBody } from './outboundBody.ts';

/** A body that cannot be decoded: its coding is unknown, or it is not what its coding says. */
export class DecodingError extends Error {
  override readonly name = 'DecodingError';
}

// As browsers do, a body that breaks off gives what can be decoded of it. Its reader then finds that it is incomplete.
const zlibOptions = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH };
const brotliOptions = {
  flush: constants.BROTLI_OPERATION_FLUSH,
  finishFlush: constants.BROTLI_OPERATION_FLUSH,
};

/** Creates the decoder of a body that begins with this byte. */
type CreateDecoder = (firstByte: number) => Transform;

/** The decoders of the codings (RFC 9110, section 8.4.1). */
const decoders: ReadonlyMap<string, CreateDecoder> = new Map<string, CreateDecoder>([
  ['gzip', () => createGunzip(zlibOptions)],
  ['x-gzip', () => createGunzip(zlibOptions)],
  ['br', () => createBrotliDecompress(brotliOptions)],
  // Some servers send the deflate format without the zlib format around it (section 8.4.1.2).
  ['deflate', (first) => ((first & 0x0f) === 8 ? createInflate(zlibOptions) : createInflateRaw(zlibOptions))],
]);

/**
 * Returns a body without its content coding. It decodes no more than its reader takes, so the bound of the reader holds for the
 * decoded bytes. Its methods also throw `DecodingError`.
 */
export function decodedBody(body: OutboundBody, contentEncoding: string | undefined): OutboundBody {
  const coding = (contentEncoding ?? '').trim().toLowerCase();
  if (coding === '' || coding === 'identity') return body;
  return new DecodedBody(body, decoders.get(coding));
}

class DecodedBody implements OutboundBody {
  readonly #body: OutboundBody;
  readonly #createDecoder: CreateDecoder | undefined;
  #decoder: Transform | undefined;
  /** Whether the decoder has consumed all that it was given. */
  #isHungry = true;
  #hasEnded = false;
  #error: Error | undefined;
  /** Ends the wait of `next` for the decoder. */
  #wake: () => void = () => undefined;

  constructor(body: OutboundBody, createDecoder: CreateDecoder | undefined) {
    this.#body = body;
    this.#createDecoder = createDecoder;
  }

  async bytes(maxBytes: number, idleMs?: number): Promise<Buffer | undefined> {
    const bytes = await readBounded(() => this.next(idleMs), maxBytes);
    if (bytes === undefined) this.leave();
    return bytes;
  }

  async next(idleMs?: number): Promise<Buffer | undefined> {
    for (;;) {
      if (this.#error) throw this.#error;
      const decoded = this.#decoder?.read() as Buffer | null | undefined;
      if (decoded) return decoded;
      if (this.#hasEnded) return undefined;
      if (this.#isHungry) await this.#feed(idleMs);
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  leave(lingerMs?: number): void {
    this.#hasEnded = true;
    this.#decoder?.destroy();
    this.#body.leave(lingerMs);
  }

  /** Gives the decoder the next chunk. The decoder holds it until its output is read. */
  async #feed(idleMs: number | undefined): Promise<void> {
    const chunk = await this.#body.next(idleMs);
    if (chunk !== undefined) {
      this.#isHungry = false;
      this.#open(chunk[0] ?? 0)?.write(chunk, () => {
        this.#isHungry = true;
        this.#wake();
      });
      return;
    }
    this.#isHungry = false;
    if (this.#decoder === undefined) this.#hasEnded = true;
    else this.#decoder.end();
  }

  #open(firstByte: number): Transform | undefined {
    this.#decoder ??= this.#createDecoder?.(firstByte)
      .on('readable', () => {
        this.#wake();
      })
      .on('end', () => {
        this.#hasEnded = true;
        // Bytes may follow the end of the coding.
        this.#body.leave();
        this.#wake();
      })
      .on('error', () => {
        this.#fail();
      });
    if (this.#decoder === undefined) this.#fail();
    return this.#decoder;
  }

  #fail(): void {
    this.#error = new DecodingError();
    this.#wake();
  }
}
