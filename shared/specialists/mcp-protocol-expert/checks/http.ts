import { isObject } from '../../../gateway/protocol/jsonRpc.ts';
import { isResponse, resultIn } from '../transcript/transcript.ts';
import { type Check, each } from './check.ts';
import { type Answered, answersToRequests } from './look.ts';

const sending = {
  legacy: '2025-11-25/basic/transports#sending-messages-to-the-server',
  modern: '2026-07-28/basic/transports/streamable-http#sending-messages',
};
const messages = { legacy: '2025-11-25/basic#responses', modern: '2026-07-28/basic#responses' };

const isSuccess = ({ answer }: Answered): boolean => answer.status >= 200 && answer.status < 300;

/** How a server answers over HTTP, whatever it was asked. */
export const answerChecks: readonly Check[] = [
  {
    id: 'answers_in_time',
    spec: {
      legacy: '2025-11-25/basic/lifecycle#timeouts',
      modern: '2026-07-28/basic/patterns#request-and-response',
    },
    severity: 'critical',
    requires: 'Every request is answered, whole and within five seconds.',
    remedy: 'Find out in the server what holds the answer to this request, or cuts it off.',
    judge: ({ steps }) =>
      each(
        [...steps].map(([name, value]) => ({ name, value })),
        'nothing was exchanged',
        ({ failure }) => failure?.words,
      ),
  },
  {
    id: 'answer_content_type',
    spec: sending,
    severity: 'critical',
    requires: 'A request is answered with application/json or text/event-stream.',
    remedy: 'Set the header Content-Type of every answer to what its body is.',
    judge: (transcript) =>
      each(
        answersToRequests(transcript).filter(({ value }) => isSuccess(value) && value.answer.bytes > 0),
        'no request had an answer with a body',
        ({ answer: { mediaType } }) =>
          mediaType === 'application/json' || mediaType === 'text/event-stream'
            ? undefined
            : `its content type is ${mediaType === '' ? 'missing' : mediaType.slice(0, 60)}`,
      ),
  },
  {
    id: 'answer_is_one_object',
    spec: sending,
    severity: 'critical',
    requires: 'A JSON answer is one JSON object.',
    remedy: 'Write one JSON-RPC message as the body, and nothing before or after it.',
    judge: (transcript) =>
      each(
        answersToRequests(transcript).filter(
          ({ value: { answer } }) => answer.mediaType === 'application/json' && answer.bytes > 0,
        ),
        'no request had a JSON answer',
        ({ answer }) => {
          if (answer.unreadable > 0) return 'its body is not JSON that can be read';
          return answer.arrays === 0 && answer.messages.every(isObject)
            ? undefined
            : 'its body is not an object';
        },
      ),
  },
  {
    id: 'answer_in_utf8',
    spec: { legacy: '2025-11-25/basic/transports', modern: '2026-07-28/basic/transports' },
    severity: 'critical',
    requires: 'Messages are encoded in UTF-8.',
    remedy: 'Encode what is written to the wire in UTF-8, whatever the server works with inside.',
    judge: (transcript) =>
      each(
        answersToRequests(transcript).filter(({ value }) => value.answer.bytes > 0),
        'no request had an answer with a body',
        ({ answer }) => (answer.isUtf8 ? undefined : 'its body is not UTF-8'),
      ),
  },
  {
    id: 'request_has_one_response',
    spec: messages,
    severity: 'critical',
    requires: 'A request that is served has one response, and only one.',
    remedy: 'Write exactly one message with a result or an error for each request.',
    judge: (transcript) =>
      each(
        answersToRequests(transcript).filter(
          ({ value }) =>
            isSuccess(value) &&
            value.answer.unreadable === 0 &&
            value.exchanged.sent.rpc !== 'subscriptions/listen',
        ),
        'no request was served',
        ({ answer }) => {
          const count = answer.messages.filter(isObject).filter(isResponse).length;
          return count === 1 ? undefined : `it holds ${count} responses`;
        },
      ),
  },
  {
    id: 'result_status_is_200',
    spec: sending,
    severity: 'warning',
    requires: 'A result comes with HTTP 200.',
    remedy: 'Answer HTTP 200 where the body is a result: clients read other statuses as failures.',
    judge: (transcript) =>
      each(
        answersToRequests(transcript).filter(({ value }) => resultIn(value.exchanged)),
        'there was no result',
        ({ answer: { status } }) => (status === 200 ? undefined : `it came with HTTP ${status}`),
      ),
  },
];
