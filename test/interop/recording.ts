import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import { createParser } from 'eventsource-parser';

/** A JSON-RPC message. The text of each number stands in the place of its value, so that comparisons see every digit. */
export type Message = Readonly<Record<string, unknown>>;

/** Returns a `fetch` that gives each JSON-RPC message of an answer to `onMessage`, in the order of arrival. */
export function recordingFetch(onMessage: (message: Message) => void): FetchLike {
  return async (input, init) => {
    const response = await fetch(input, init);
    const type = response.headers.get('content-type') ?? '';
    if (!response.body || !/^(application\/json|text\/event-stream)/.test(type)) return response;
    const read = type.startsWith('application/json') ? readJson(onMessage) : readEvents(onMessage);
    return new Response(response.body.pipeThrough(read), response);
  };
}

function readJson(onMessage: (message: Message) => void): TransformStream<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder();
  let text = '';
  return new TransformStream({
    transform(chunk, controller) {
      text += decoder.decode(chunk, { stream: true });
      controller.enqueue(chunk);
    },
    flush() {
      if (text !== '') onMessage(parse(text));
    },
  });
}

function readEvents(onMessage: (message: Message) => void): TransformStream<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder();
  const parser = createParser({
    onEvent: ({ data }) => {
      // The old transport begins with an event that holds a URL. An empty event only opens a stream.
      if (data.startsWith('{')) onMessage(parse(data));
    },
  });
  return new TransformStream({
    transform(chunk, controller) {
      parser.feed(decoder.decode(chunk, { stream: true }));
      controller.enqueue(chunk);
    },
  });
}

/** `context.source` is the text of a number. Node has had it since version 21, the types do not have it yet. */
type Reviver = (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown;
const parseWithSource = JSON.parse as (text: string, reviver: Reviver) => Message;

const parse = (text: string): Message =>
  parseWithSource(text, (_key, value, { source }) =>
    typeof value === 'number' ? `number ${source ?? ''}` : value,
  );
