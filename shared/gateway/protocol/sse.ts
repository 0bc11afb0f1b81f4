import { createParser } from 'eventsource-parser';
import { StreamResponse } from '../../platform/http/responses.ts';
import { type Outcome, type RequestId, writeResponse } from './jsonRpc.ts';
import { COMMENT_INTERVAL_MS, FIRST_COMMENT_MS } from './limits.ts';

/** One event of a stream (WHATWG HTML, Server-sent events). */
export interface SseEvent {
  /** `message` unless the stream named it. */
  readonly type: string;
  readonly data: string;
  /** The last id of the stream, after which it can be resumed. */
  readonly id?: string;
  /** The last `retry` of the stream: the delay before resuming, in milliseconds. */
  readonly retryMs?: number;
}

/** Parses a stream from chunks of bytes. A chunk may end anywhere. */
export interface SseParser {
  /** Returns the events that the chunk completes. @throws RangeError when an unfinished line or event exceeds the bound. */
  push(chunk: Uint8Array): SseEvent[];
}

/** Nine digits. A server that asks for a longer delay is not resumed by it. */
const MAX_RETRY_MS = 999_999_999;

/** `maxLength` bounds the characters of an unfinished line and of the data of an event. */
export function createSseParser(maxLength: number): SseParser {
  const decoder = new TextDecoder();
  let events: SseEvent[] = [];
  let sticky: Pick<SseEvent, 'id' | 'retryMs'> = {};
  let isTooLong = false;
  const parser = createParser({
    maxBufferSize: maxLength,
    onId: (id) => (sticky = { ...sticky, id }),
    onRetry: (retryMs) => {
      if (retryMs <= MAX_RETRY_MS) sticky = { ...sticky, retryMs };
    },
    onEvent: ({ event = 'message', data }) => {
      isTooLong ||= data.length >= maxLength;
      events.push({ type: event, data, ...sticky });
    },
    onError: ({ type }) => (isTooLong ||= type === 'max-buffer-size-exceeded'),
  });
  return {
    push(chunk) {
      events = [];
      if (!isTooLong) parser.feed(decoder.decode(chunk, { stream: true }));
      if (isTooLong) throw new RangeError('a line or an event of the stream is too long');
      return events;
    },
  };
}

const encoder = new TextEncoder();

/** Returns one JSON-RPC message as an event. JSON text has no line break, so it is one data line. */
export function encodeEvent(message: object): Uint8Array {
  return encoder.encode(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
}

const START = encoder.encode('event: message\ndata: ');
const END = encoder.encode('\n\n');

/** Returns a response as an event. */
export function encodeResponse(id: RequestId, outcome: Outcome): Uint8Array {
  const json = writeResponse(id, outcome);
  return Buffer.concat([START, typeof json === 'string' ? encoder.encode(json) : json, END]);
}

/** A comment. Clients ignore it. */
export const COMMENT = encoder.encode(': open\n\n');

/** An event stream that ends at once. */
export const noEvents = (): Response =>
  eventResponse({
    next: () => Promise.resolve({ event: COMMENT, last: true }),
    cancel: () => undefined,
  });

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

const OVER = { done: true, value: undefined } as const;

/** Returns the events for a reader that asks for one after the other. It gets a comment when no event comes for a long time. */
function withComments(source: EventSource): AsyncIterable<Uint8Array> {
  /** Answers the reader; `undefined` while it does not wait. */
  let give: ((next: IteratorResult<Uint8Array, undefined>) => void) | undefined;
  /** Whether the source was asked for an event that the reader does not have yet. */
  let isAsked = false;
  let made: Awaited<ReturnType<EventSource['next']>> | undefined;
  let isCommentDue = false;
  let isOver = false;

  const noteSilence = () => {
    isCommentDue = true;
    pass();
  };
  let timer = setTimeout(noteSilence, FIRST_COMMENT_MS);
  const end = () => {
    isOver = true;
    clearTimeout(timer);
  };

  /** Gives the reader what there is now, if it waits. */
  function pass(): void {
    const next = give && taken();
    if (next === undefined) return;
    give?.(next);
    give = undefined;
  }
  function taken(): IteratorResult<Uint8Array, undefined> | undefined {
    if (isOver) return OVER;
    if (made !== undefined) {
      const { event, last } = made;
      made = undefined;
      isAsked = false;
      if (last) end();
      return { done: false, value: event };
    }
    if (!isCommentDue) return undefined;
    isCommentDue = false;
    timer = setTimeout(noteSilence, COMMENT_INTERVAL_MS);
    return { done: false, value: COMMENT };
  }

  const iterator: AsyncIterator<Uint8Array, undefined> = {
    next: () =>
      new Promise((resolve, reject) => {
        give = resolve;
        if (!isAsked && !isOver) {
          isAsked = true;
          source.next().then((next) => {
            made = next;
            pass();
          }, reject);
        }
        pass();
      }),
    return() {
      if (!isOver) source.cancel();
      end();
      pass();
      return Promise.resolve(OVER);
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}
