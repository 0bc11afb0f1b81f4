/**
 * A response of which the body is a text that is there already. It has no stream, which a plain `Response` would make and
 * someone would have to read: `content` is to be written as it stands.
 */
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
