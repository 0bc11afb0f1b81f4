import { Readable } from 'node:stream';

/** The body of an answer, to be taken once, in one of two ways. Until then little of it is read. */
export interface OutboundBody {
  /**
   * All of it; undefined where there is more than `maxBytes`.
   * @throws IdleTimeout when nothing comes for `idleMs`; what the connection broke with, when it did
   */
  bytes(maxBytes: number, idleMs?: number): Promise<Buffer | undefined>;
  /** As it comes, and no faster than it is read. Destroyed before its end, it ends the exchange. An error that nobody hears is no fault. */
  stream(): Readable;
}

export class IdleTimeout extends Error {
  override readonly name = 'IdleTimeout';
}

/** The exchange was ended on our side. */
export class Aborted extends Error {
  override readonly name = 'Aborted';
}

/** What the HTTP client lets us do with an exchange that is under way. */
export interface Flow {
  abort(reason: Error): void;
  pause(): void;
  resume(): void;
}

/** What is kept of a body before somebody takes it. */
const MAX_HELD_BYTES = 64 * 1024;

interface Reader {
  readonly data: (chunk: Buffer) => void;
  readonly end: () => void;
  readonly fail: (error: Error) => void;
}

/**
 * A body as the HTTP client hands it over. Most are there whole by the time they are taken, and cost no stream then, no timer
 * and no listener.
 */
export class ReceivedBody implements OutboundBody, Reader {
  readonly #controller: Flow;
  readonly #held: Buffer[] = [];
  #heldBytes = 0;
  #state: 'open' | 'ended' | Error = 'open';
  #reader: Reader | undefined;

  constructor(controller: Flow) {
    this.#controller = controller;
  }

  data(chunk: Buffer): void {
    if (this.#reader) {
      this.#reader.data(chunk);
      return;
    }
    this.#held.push(chunk);
    this.#heldBytes += chunk.byteLength;
    if (this.#heldBytes > MAX_HELD_BYTES) this.#controller.pause();
  }

  end(): void {
    this.#state = 'ended';
    this.#reader?.end();
  }

  fail(error: Error): void {
    this.#state = error;
    this.#reader?.fail(error);
  }

  bytes(maxBytes: number, idleMs?: number): Promise<Buffer | undefined> {
    return new Promise((resolve, reject) => {
      const parts: Buffer[] = [];
      let length = 0;
      let idle: NodeJS.Timeout | undefined;
      if (idleMs !== undefined && this.#state === 'open') {
        idle = setTimeout(() => {
          reject(new IdleTimeout());
          this.#giveUp();
        }, idleMs);
      }
      this.#read({
        data: (chunk) => {
          idle?.refresh();
          length += chunk.byteLength;
          if (length <= maxBytes) parts.push(chunk);
          else {
            resolve(undefined);
            this.#giveUp();
          }
        },
        end: () => {
          clearTimeout(idle);
          resolve(parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts, length));
        },
        fail: (error) => {
          clearTimeout(idle);
          reject(error);
        },
      });
    });
  }

  stream(): Readable {
    const stream = new Readable({
      read: () => {
        this.#controller.resume();
      },
      destroy: (error, done) => {
        this.#giveUp();
        done(error);
      },
    });
    stream.on('error', () => undefined);
    this.#read({
      data: (chunk) => {
        if (!stream.push(chunk)) this.#controller.pause();
      },
      end: () => stream.push(null),
      // What came before the fault is handed over first.
      fail: (error) => {
        queueMicrotask(() => stream.destroy(error));
      },
    });
    return stream;
  }

  #giveUp(): void {
    if (this.#state === 'open') this.#controller.abort(new Aborted());
  }

  #read(reader: Reader): void {
    for (const chunk of this.#held.splice(0)) reader.data(chunk);
    if (this.#state === 'ended') reader.end();
    else if (this.#state !== 'open') reader.fail(this.#state);
    else {
      this.#reader = reader;
      this.#controller.resume();
    }
  }
}
