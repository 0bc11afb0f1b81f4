import { text } from 'node:stream/consumers';

/**
 * A response of which the body is made as it is written: `chunks` are to be written as they come. A plain `Response` would put a
 * stream around them, which costs more than most of them do.
 */
export class StreamResponse extends Response {
  readonly chunks: AsyncIterable<Uint8Array>;

  constructor(chunks: AsyncIterable<Uint8Array>, init: ResponseInit) {
    super(null, init);
    this.chunks = chunks;
  }

  override readonly text = (): Promise<string> => text(this.chunks);
}
