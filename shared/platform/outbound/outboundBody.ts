import { readBounded } from '../base/readBounded.ts';

/** The body of a response. The caller reads it whole or chunk by chunk, or leaves it. Until then little of it is received. */
export interface OutboundBody {
  /**
   * Returns the whole body, or `undefined` where it is longer than `maxBytes`.
   * @throws IdleTimeout when nothing arrives for `idleMs`, or the error of a broken connection
   */
  bytes(maxBytes: number, idleMs?: number): Promise<Buffer | undefined>;
  /** Returns the next chunk, or `undefined` at the end. One call must end before the next. @throws the errors of `bytes` */
  next(idleMs?: number): Promise<Buffer | undefined>;
  /**
   * Discards the rest. When the server ends the body within `lingerMs`, the connection serves the next call; otherwise it is
   * closed.
   */
  leave(lingerMs?: number): void;
}

export class IdleTimeout extends Error {
  override readonly name = 'IdleTimeout';
}

/** The gateway ended the exchange. */
export class Aborted extends Error {
  override readonly name = 'Aborted';
}

/** The control of an exchange that undici offers (its `DispatchController`). */
export interface ExchangeControl {
  abort(reason: Error): void;
  pause(): void;
  resume(): void;
}

/** Bytes that are held of a body that nobody reads, or reads slowly. Then the socket is paused. */
const MAX_HELD_BYTES = 64 * 1024;

interface Reader {
  readonly give: (chunk: Buffer | undefined) => void;
  readonly fail: (error: Error) => void;
}

/**
 * A body as undici delivers it. Most bodies have arrived whole by the time they are read. They then need no stream, no timer and no
 * listener.
 */
export class ReceivedBody implements OutboundBody {
  readonly #controller: ExchangeControl;
  readonly #held: Buffer[] = [];
  #heldBytes = 0;
  #state: 'open' | 'left' | 'ended' | Error = 'open';
  #reader: Reader | undefined;
  #lingering: NodeJS.Timeout | undefined;

  constructor(controller: ExchangeControl) {
    this.#controller = controller;
  }

  data(chunk: Buffer): void {
    if (this.#state === 'left') return;
    if (this.#reader) {
      this.#reader.give(chunk);
      return;
    }
    this.#held.push(chunk);
    this.#heldBytes += chunk.byteLength;
    if (this.#heldBytes > MAX_HELD_BYTES) this.#controller.pause();
  }

  end(): void {
    clearTimeout(this.#lingering);
    this.#state = 'ended';
    this.#reader?.give(undefined);
  }

  fail(error: Error): void {
    clearTimeout(this.#lingering);
    this.#state = error;
    this.#reader?.fail(error);
  }

  bytes(maxBytes: number, idleMs?: number): Promise<Buffer | undefined> {
    // A short body has arrived whole, in one chunk.
    const isHere = this.#state === 'ended' && this.#held.length === 1 && this.#heldBytes <= maxBytes;
    return isHere ? this.next() : this.#collect(maxBytes, idleMs);
  }

  async #collect(maxBytes: number, idleMs?: number): Promise<Buffer | undefined> {
    const bytes = await readBounded(() => this.next(idleMs), maxBytes);
    if (bytes === undefined) this.leave();
    return bytes;
  }

  next(idleMs?: number): Promise<Buffer | undefined> {
    const chunk = this.#held.shift();
    if (chunk !== undefined) {
      this.#heldBytes -= chunk.byteLength;
      return Promise.resolve(chunk);
    }
    if (this.#state instanceof Error) return Promise.reject(this.#state);
    if (this.#state !== 'open') return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      const idle =
        idleMs === undefined
          ? undefined
          : setTimeout(() => {
              this.#reader?.fail(new IdleTimeout());
              this.leave();
            }, idleMs);
      const done = () => {
        clearTimeout(idle);
        this.#reader = undefined;
      };
      this.#reader = {
        give(given) {
          done();
          resolve(given);
        },
        fail(error) {
          done();
          reject(error);
        },
      };
      this.#controller.resume();
    });
  }

  leave(lingerMs = 0): void {
    if (this.#state !== 'open') return;
    this.#state = 'left';
    this.#held.length = 0;
    const giveUp = () => {
      this.#controller.abort(new Aborted());
    };
    if (lingerMs === 0) giveUp();
    else {
      this.#lingering = setTimeout(giveUp, lingerMs);
      this.#controller.resume();
    }
  }
}
