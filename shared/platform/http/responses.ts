import { text } from 'node:stream/consumers';

// The body of a plain `Response` is a web stream, which costs more than most bodies do. These two have none.

/** A response whose body is a text. The host writes `content` as it is. */
export class TextResponse extends Response {
  readonly content: string;

  constructor(content: string, init: ResponseInit) {
    super(null, init);
    this.content = content;
    this.headers.set('content-length', String(Buffer.byteLength(content)));
  }

  override readonly text = (): Promise<string> => Promise.resolve(this.content);
  override readonly json = (): Promise<unknown> => Promise.resolve(JSON.parse(this.content));
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
