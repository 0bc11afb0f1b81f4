/** One event of a stream (WHATWG HTML, Server-sent events). */
export interface SseEvent {
  /** `message` unless the stream named it. */
  readonly type: string;
  readonly data: string;
  /** The id that the stream has given last, by which it can be resumed. */
  readonly id?: string;
  /** How long to wait before that, as the stream has said last. */
  readonly retryMs?: number;
}

/** Feeds bytes in chunks cut anywhere and gives the events that they complete. */
export interface SseParser {
  /** @throws RangeError when a line or the data of one event grows past the bound. */
  push(chunk: Uint8Array): SseEvent[];
}

/** `maxLength` bounds what is held between chunks: a line without end, and the data of an event without end. */
export function createSseParser(maxLength: number): SseParser {
  const decoder = new TextDecoder();
  let line = '';
  let data: string[] = [];
  let dataLength = 0;
  let type = '';
  let sticky: Pick<SseEvent, 'id' | 'retryMs'> = {};
  /** A CR ended the last chunk: an LF that opens the next one belongs to it. */
  let afterReturn = false;

  function endLine(text: string, events: SseEvent[]): void {
    if (text === '') {
      if (data.length > 0)
        events.push({ type: type === '' ? 'message' : type, data: data.join('\n'), ...sticky });
      data = [];
      dataLength = 0;
      type = '';
      return;
    }
    const colon = text.indexOf(':');
    const field = colon === -1 ? text : text.slice(0, colon);
    const rest = colon === -1 ? '' : text.slice(colon + 1);
    const value = rest.startsWith(' ') ? rest.slice(1) : rest;
    if (field === 'event') type = value;
    if (field === 'id' && !value.includes('\0')) sticky = { ...sticky, id: value };
    if (field === 'retry' && /^\d{1,9}$/.test(value)) sticky = { ...sticky, retryMs: Number(value) };
    if (field === 'data') {
      dataLength += value.length + 1;
      if (dataLength > maxLength) throw new RangeError('an event of the stream is too long');
      data.push(value);
    }
  }

  return {
    push(chunk) {
      const events: SseEvent[] = [];
      const text = decoder.decode(chunk, { stream: true });
      let start = afterReturn && text.startsWith('\n') ? 1 : 0;
      if (text !== '') afterReturn = false;
      // Only the new text is searched, so that a long line in small chunks costs no more than its length.
      for (const { index, 0: end } of text.matchAll(/\r\n|\r|\n/g)) {
        if (index < start) continue;
        endLine(line + text.slice(start, index), events);
        line = '';
        start = index + end.length;
        afterReturn = end === '\r' && start === text.length;
      }
      line += text.slice(start);
      if (line.length > maxLength) throw new RangeError('a line of the stream is too long');
      return events;
    },
  };
}

const encoder = new TextEncoder();

/** One JSON-RPC message as an event. JSON text holds no line break, so it is one data line. */
export function encodeEvent(message: object): Uint8Array {
  return encoder.encode(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
}

/** A comment, which clients ignore. */
export const COMMENT = encoder.encode(': open\n\n');
