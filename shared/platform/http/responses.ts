import { text } from 'node:stream/consumers';

// The body of a plain `Response` is a web stream, which costs more than most bodies do. These two have none.

/** A response whose body is a text, or the UTF-8 bytes of one. The host writes `content` as it is. */
export class TextResponse extends Response {
  readonly content: string | Uint8Array;

  constructor(content: string | Uint8Array, init: ResponseInit) {
    super(null, init);
    this.content = content;
    this.headers.set('content-length', String(Buffer.byteLength(content)));
  }

  override readonly text = (): Promise<string> => Promise.resolve(Buffer.from(this.content).toString());
  override readonly json = async (): Promise<unknown> => JSON.parse(await this.text());
}

/** A response whose body is made while it is written. The host writes each chunk when it comes. */
export class StreamResponse extends Response {
  readonly chunks: AsyncIterable<Uint8Array>;

  constructor(chunks: AsyncIterable<Uint8Array>, init: ResponseInit) {
    super(null, init);
    this.chunks = chunks;
  }

  override readonly text = (): Promise<string> => text(this.chunks);
}
