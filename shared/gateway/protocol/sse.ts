import { StreamResponse } from '../../platform/http/streamResponse.ts';
import { COMMENT_INTERVAL_MS, FIRST_COMMENT_MS } from './limits.ts';

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

/** Returns one JSON-RPC message as an event. JSON text has no line break, so it is one data line. */
export function encodeEvent(message: object): Uint8Array {
  return encoder.encode(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
}

/** A comment. Clients ignore it. */
export const COMMENT = encoder.encode(': open\n\n');

export interface EventSource {
  /** The next event, and whether it is the last. Must not reject: on Azure a body that fails never ends. */
  next(): Promise<{ readonly event: Uint8Array; readonly last: boolean }>;
  /** The client has left, perhaps while `next` is awaited. The result of that `next` is discarded. */
  cancel(): void;
}

/** A stream of server-sent events, made as the client reads them. Comments fill long silences. */
export function eventResponse(source: EventSource): Response {
  return new StreamResponse(withComments(source), {
    headers: {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      // Otherwise reverse proxies buffer the events (2026-07-28, transports, Receiving Messages).
      'x-accel-buffering': 'no',
    },
  });
}

function withComments(source: EventSource): AsyncIterable<Uint8Array> {
  const over = { done: true, value: undefined } as const;
  let isOver = false;
  let next: ReturnType<EventSource['next']> | undefined;
  let timer = startTimer(FIRST_COMMENT_MS);
  const hasEnded = () => isOver;
  const end = () => {
    isOver = true;
    timer.end();
  };
  return {
    [Symbol.asyncIterator]: () => ({
      async next() {
        if (hasEnded()) return over;
        next ??= source.next();
        const said = await Promise.race([next, timer.over]);
        // The client may have left meanwhile, which also ends the timer.
        if (hasEnded()) return over;
        if (said === undefined) {
          timer = startTimer(COMMENT_INTERVAL_MS);
          return { done: false, value: COMMENT };
        }
        next = undefined;
        if (said.last) end();
        return { done: false, value: said.event };
      },
      return() {
        if (!isOver) source.cancel();
        end();
        return Promise.resolve(over);
      },
    }),
  };
}

/** A timer that can be ended early. `over` resolves in both cases. */
function startTimer(ms: number): { readonly over: Promise<undefined>; end(): void } {
  const { promise: over, resolve } = Promise.withResolvers<undefined>();
  const handle = setTimeout(resolve, ms, undefined);
  return {
    over,
    end: () => {
      clearTimeout(handle);
      resolve(undefined);
    },
  };
}
