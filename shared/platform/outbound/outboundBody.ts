/** The body of an answer, to be taken whole, or chunk by chunk, or left. Until then little of it is read. */
export interface OutboundBody {
  /**
   * All of it; undefined where there is more than `maxBytes`.
   * @throws IdleTimeout when nothing comes for `idleMs`; what the connection broke with, when it did
   */
  bytes(maxBytes: number, idleMs?: number): Promise<Buffer | undefined>;
  /** What comes next, undefined at the end. Little more than what is asked for is read. To be called again only when it is there. @throws as above */
  next(idleMs?: number): Promise<Buffer | undefined>;
  /** Nobody wants the rest. A server that ends it within `lingerMs` keeps the connection for the next call; else the exchange is ended. */
  leave(lingerMs?: number): void;
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

/** What is kept of a body that nobody takes, or takes slowly. */
const MAX_HELD_BYTES = 64 * 1024;

interface Reader {
  readonly give: (chunk: Buffer | undefined) => void;
  readonly fail: (error: Error) => void;
}

/**
 * A body as the HTTP client hands it over. Most are there whole by the time they are taken, and cost no stream then, no timer
 * and no listener.
 */
export class ReceivedBody implements OutboundBody {
  readonly #controller: Flow;
  readonly #held: Buffer[] = [];
  #heldBytes = 0;
  #state: 'open' | 'left' | 'ended' | Error = 'open';
  #reader: Reader | undefined;
  #lingering: NodeJS.Timeout | undefined;

  constructor(controller: Flow) {
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

  async bytes(maxBytes: number, idleMs?: number): Promise<Buffer | undefined> {
    const parts: Buffer[] = [];
    let length = 0;
    for (let part = await this.next(idleMs); part !== undefined; part = await this.next(idleMs)) {
      length += part.byteLength;
      if (length > maxBytes) {
        this.leave();
        return undefined;
      }
      parts.push(part);
    }
    return parts.length === 1 ? parts[0] : Buffer.concat(parts, length);
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
