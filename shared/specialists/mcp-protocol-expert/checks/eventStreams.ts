import { isObject, type JsonObject } from '../../../gateway/protocol/jsonRpc.ts';
import type { Transcript } from '../transcript/transcript.ts';
import { type Check, type Judgement, each, type Subject } from './check.ts';
import { streams } from './look.ts';

const NONE = 'it answered with no event stream';
const sending = {
  legacy: '2025-11-25/basic/transports#sending-messages-to-the-server',
  modern: '2026-07-28/basic/transports/streamable-http#receiving-messages',
};

/** What came on streams beside responses. */
const sentBeside = (transcript: Transcript): readonly Subject<JsonObject>[] =>
  streams(transcript).flatMap(({ name, value }) =>
    value.answer.messages
      .filter(isObject)
      .filter((message) => 'method' in message)
      .map((message) => ({ name, value: message })),
  );

/** The streams with a message of this method beside the responses. */
const streamsWith = (transcript: Transcript, method: string): ReadonlySet<string> =>
  new Set(
    sentBeside(transcript)
      .filter(({ value }) => value['method'] === method)
      .map(({ name }) => name),
  );

/** Characters of the text of a stream that are checked. */
const MAX_TEXT = 256 * 1024;

/** The lines of a stream, without the last one where the text is cut. */
function linesOf(text: string): readonly string[] {
  const lines = text
    .slice(0, MAX_TEXT)
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/);
  return text.length > MAX_TEXT ? lines.slice(0, -1) : lines;
}

/** Event streams, where a server answers with any. */
export const eventStreamChecks: readonly Check[] = [
  {
    id: 'event_is_json',
    spec: sending,
    severity: 'critical',
    requires: 'The data of each event is one JSON-RPC message.',
    remedy: 'Write each message as one event, with its JSON in data lines and an empty line after it.',
    judge: (transcript) =>
      each(streams(transcript), NONE, ({ answer: { unreadable } }) =>
        unreadable === 0 ? undefined : `${unreadable} of its events are not JSON`,
      ),
  },
  {
    id: 'event_type_is_message',
    spec: sending,
    severity: 'critical',
    requires: 'Events have the type message, or none: readers of event streams pass over other types.',
    remedy: 'Leave the event field out, or write event: message.',
    judge: (transcript) =>
      each(streams(transcript), NONE, ({ answer: { events } }) =>
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
    judge: (transcript) =>
      each(streams(transcript), NONE, ({ answer: { text } }) =>
        linesOf(text).every((line) => /^(?:$|:|(?:data|event|id|retry)(?::|$))/.test(line))
          ? undefined
          : 'a line is none of these',
      ),
  },
  {
    id: 'stream_ends_with_response',
    spec: sending,
    severity: 'warning',
    requires: 'A stream ends after the response that it was opened for.',
    remedy: 'End the HTTP response once the JSON-RPC response is written: the connection is held until then.',
    judge: (transcript) =>
      each(
        streams(transcript).filter(({ value }) => value.exchanged.sent.rpc !== 'subscriptions/listen'),
        NONE,
        ({ answer }) => (answer.ended ? undefined : 'it stayed open for two seconds after the response'),
      ),
  },
  {
    id: 'stream_is_unbuffered',
    spec: { modern: '2026-07-28/basic/transports/streamable-http#receiving-messages' },
    severity: 'warning',
    requires: 'A stream has the header X-Accel-Buffering: no.',
    remedy: 'Set the header, so that proxies pass events on as they come.',
    judge: (transcript) =>
      each(streams(transcript), NONE, ({ answer: { headers } }) =>
        String(headers['x-accel-buffering']).toLowerCase() === 'no' ? undefined : 'the header is missing',
      ),
  },
  {
    id: 'no_requests_to_client',
    spec: { legacy: '2025-11-25/basic/lifecycle#operation', modern: sending.modern },
    severity: 'critical',
    requires:
      'The client is asked nothing that it did not offer to answer; since 2026-07-28, nothing on a stream.',
    remedy:
      'Look at the capabilities of the client before asking it. Since 2026-07-28, answer with input requests.',
    judge: (transcript) =>
      each(streams(transcript), NONE, ({ answer: { messages } }) => {
        const asked = messages
          .filter(isObject)
          .filter((message) => typeof message['method'] === 'string' && 'id' in message)
          .filter(({ method }) => transcript.era === 'modern' || method !== 'ping');
        return asked.length === 0 ? undefined : `it asked the client ${asked.length} times`;
      }),
  },
  {
    id: 'no_progress_unasked',
    spec: {
      legacy: '2025-11-25/basic/utilities/progress#behavior-requirements',
      modern: '2026-07-28/basic/patterns/progress',
    },
    severity: 'critical',
    requires: 'Progress is told only for a token that a request gave.',
    remedy: 'Send notifications/progress only where the request has a progressToken in its _meta.',
    judge(transcript: Transcript): Judgement {
      const told = streamsWith(transcript, 'notifications/progress');
      return each(streams(transcript), NONE, (_stream, name) =>
        told.has(name) ? 'it told progress without a token' : undefined,
      );
    },
  },
  {
    id: 'no_log_unasked',
    spec: { modern: '2026-07-28/server/utilities/logging' },
    severity: 'critical',
    requires: 'Log messages are sent only to requests that name a level for them.',
    remedy:
      'Send notifications/message only where the _meta of the request has io.modelcontextprotocol/logLevel.',
    judge(transcript: Transcript): Judgement {
      const told = streamsWith(transcript, 'notifications/message');
      return each(streams(transcript), NONE, (_stream, name) =>
        told.has(name) ? 'it sent a log message unasked' : undefined,
      );
    },
  },
];
