import { META } from '../../../gateway/protocol/envelope.ts';
import { isObject } from '../../../gateway/protocol/jsonRpc.ts';
import { type Check, each, type Judge, legacy, modern, streams } from './check.ts';

const NONE = 'it answered without an event stream';
const sending = {
  ...legacy('basic/transports#sending-messages-to-the-server'),
  ...modern('basic/transports/streamable-http#receiving-messages'),
};

/** Fails for streams that carry a message of the method. */
const without = (method: string, wrong: string): Judge =>
  each(streams, NONE, ({ answer }) =>
    answer.messages.filter(isObject).some((message) => message['method'] === method) ? wrong : undefined,
  );

/** How many characters of a stream are checked. */
const MAX_TEXT = 256 * 1024;

/** Returns the lines of a stream, without the last one if the text is cut. */
function linesOf(text: string): readonly string[] {
  const lines = text
    .slice(0, MAX_TEXT)
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/);
  return text.length > MAX_TEXT ? lines.slice(0, -1) : lines;
}

/** Event streams, if the server answers with any. */
export const eventStreamChecks: readonly Check[] = [
  {
    id: 'event_is_json',
    spec: sending,
    severity: 'critical',
    requires: 'The data of each event is one JSON-RPC message.',
    remedy: 'Write each message as one event, with its JSON in data lines and an empty line after it.',
    judge: each(streams, NONE, ({ answer: { unreadable } }) =>
      unreadable === 0 ? undefined : `${unreadable} of its events are not JSON`,
    ),
  },
  {
    id: 'event_type_is_message',
    spec: sending,
    severity: 'critical',
    requires: 'Events have the type message or no type: clients ignore other types.',
    remedy: 'Leave the event field out, or write event: message.',
    judge: each(streams, NONE, ({ answer: { events } }) =>
      events.every(({ type, data }) => type === 'message' || data === '')
        ? undefined
        : 'an event has another type',
    ),
  },
  {
    id: 'event_fields_known',
    spec: sending,
    severity: 'warning',
    requires: 'A line of an event stream is a comment or one of the fields data, event, id and retry.',
    remedy: 'Write every line of the JSON with data: before it.',
    judge: each(streams, NONE, ({ answer: { text } }) =>
      linesOf(text).every((line) => /^(?:$|:|(?:data|event|id|retry)(?::|$))/.test(line))
        ? undefined
        : 'a line is neither',
    ),
  },
  {
    id: 'stream_ends_with_response',
    spec: sending,
    severity: 'warning',
    requires: 'A stream ends after the response that it was opened for.',
    remedy: 'End the HTTP response after the JSON-RPC response: the connection stays in use until then.',
    judge: each(
      (transcript) =>
        streams(transcript).filter(({ value }) => value.exchanged.sent.rpc !== 'subscriptions/listen'),
      NONE,
      ({ answer }) => (answer.ended ? undefined : 'it stayed open for two seconds after the response'),
    ),
  },
  {
    id: 'stream_is_unbuffered',
    spec: modern('basic/transports/streamable-http#receiving-messages'),
    severity: 'warning',
    requires: 'A stream has the header X-Accel-Buffering: no.',
    remedy: 'Set the header, so that proxies forward events at once.',
    judge: each(streams, NONE, ({ answer: { headers } }) =>
      String(headers['x-accel-buffering']).toLowerCase() === 'no' ? undefined : 'the header is missing',
    ),
  },
  {
    id: 'no_requests_to_client',
    spec: { ...legacy('basic/lifecycle#operation'), modern: sending.modern },
    severity: 'critical',
    requires:
      'The server sends the client only requests for which it declared the capability; since 2026-07-28, none on a stream.',
    remedy:
      'Check the capabilities of the client before sending it a request. Since 2026-07-28, answer with input requests.',
    judge: each(streams, NONE, ({ answer: { messages } }, { era }) => {
      const asked = messages
        .filter(isObject)
        .filter((message) => typeof message['method'] === 'string' && 'id' in message)
        .filter(({ method }) => era === 'modern' || method !== 'ping');
      return asked.length === 0 ? undefined : `it sent the client ${asked.length} requests`;
    }),
  },
  {
    id: 'no_progress_unasked',
    spec: {
      ...legacy('basic/utilities/progress#behavior-requirements'),
      ...modern('basic/patterns/progress'),
    },
    severity: 'critical',
    requires: 'Progress is sent only for a token that a request holds.',
    remedy: 'Send notifications/progress only if the request has a progressToken in its _meta.',
    judge: without('notifications/progress', 'it sent progress without a token'),
  },
  {
    id: 'no_log_unasked',
    spec: modern('server/utilities/logging'),
    severity: 'critical',
    requires: 'Log messages are sent only to requests that name a level for them.',
    remedy: `Send notifications/message only if the _meta of the request has ${META.logLevel}.`,
    judge: without('notifications/message', 'it sent a log message without a request for it'),
  },
];
