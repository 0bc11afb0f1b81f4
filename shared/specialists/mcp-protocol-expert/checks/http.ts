import { isObject } from '../../../gateway/protocol/jsonRpc.ts';
import { isResponse } from '../transcript/exchange.ts';
import { resultIn } from '../transcript/transcript.ts';
import {
  type Answered,
  answersStatus,
  answersWhere,
  both,
  type Check,
  each,
  legacy,
  modern,
  refuses,
} from './check.ts';

const sending = {
  ...legacy('basic/transports#sending-messages-to-the-server'),
  ...modern('basic/transports/streamable-http#sending-messages'),
};
const hasBody = ({ answer }: Answered): boolean => answer.bytes > 0;
const isSuccess = ({ answer }: Answered): boolean => answer.status >= 200 && answer.status < 300;

/** How a server answers over HTTP, for every request. */
export const answerChecks: readonly Check[] = [
  {
    id: 'answers_in_time',
    spec: { ...legacy('basic/lifecycle#timeouts'), ...modern('basic/patterns#request-and-response') },
    severity: 'critical',
    requires: 'Every request gets a complete answer within five seconds.',
    remedy: 'Find out what delays the answer to this request in the server, or cuts it off.',
    judge: each(
      ({ steps }) => [...steps].map(([name, value]) => ({ name, value })),
      'nothing was exchanged',
      ({ failure }) => failure?.words,
    ),
  },
  {
    id: 'answer_content_type',
    spec: sending,
    severity: 'critical',
    requires: 'The answer to a request is application/json or text/event-stream.',
    remedy: 'Set the header Content-Type of every answer to the type of its body.',
    judge: each(
      answersWhere((answered) => isSuccess(answered) && hasBody(answered)),
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
    judge: each(
      answersWhere((answered) => answered.answer.mediaType === 'application/json' && hasBody(answered)),
      'no request had a JSON answer',
      ({ answer }) => {
        if (answer.unreadable > 0) return 'its body is not readable JSON';
        return answer.arrays === 0 && answer.messages.every(isObject)
          ? undefined
          : 'its body is not an object';
      },
    ),
  },
  {
    id: 'answer_in_utf8',
    spec: both('basic/transports'),
    severity: 'critical',
    requires: 'Messages are encoded in UTF-8.',
    remedy: 'Encode every message in UTF-8, whatever encoding the server uses internally.',
    judge: each(answersWhere(hasBody), 'no request had an answer with a body', ({ answer }) =>
      answer.isUtf8 ? undefined : 'its body is not UTF-8',
    ),
  },
  {
    id: 'request_has_one_response',
    spec: both('basic#responses'),
    severity: 'critical',
    requires: 'A request gets exactly one response.',
    remedy: 'Write exactly one message with a result or an error for each request.',
    judge: each(
      answersWhere(
        (answered) =>
          isSuccess(answered) &&
          answered.answer.unreadable === 0 &&
          answered.exchanged.sent.rpc !== 'subscriptions/listen',
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
    requires: 'A result has the status HTTP 200.',
    remedy: 'Answer HTTP 200 where the body is a result: clients read other statuses as failures.',
    judge: each(
      answersWhere(({ exchanged }) => resultIn(exchanged) !== undefined),
      'there was no result',
      ({ answer: { status } }) => (status === 200 ? undefined : `it came with HTTP ${status}`),
    ),
  },
];

/**
 * Protection against web pages that call a server without the knowledge of its user. The specification makes the first check a
 * MUST. It is a warning here, since the SDKs leave it to the operator of a server, and a proxy may do it.
 */
export const browserChecks: readonly Check[] = [
  {
    id: 'foreign_origin_refused',
    spec: {
      ...legacy('basic/transports#security-warning'),
      ...modern('basic/transports/streamable-http#security-endpoint'),
    },
    severity: 'warning',
    requires: 'A request from a web page of another origin is refused with HTTP 403.',
    remedy:
      'Compare the header Origin with the origins that may call the server, in the server or in a proxy in front of it.',
    judge: answersStatus('foreign origin', 403),
  },
  {
    id: 'text_body_refused',
    spec: sending,
    severity: 'info',
    requires: 'A body whose content type is not application/json is refused.',
    remedy: 'Answer HTTP 415: browsers let any web page send text/plain to any address.',
    judge: refuses('text body'),
  },
  {
    id: 'accept_header_heeded',
    spec: sending,
    severity: 'info',
    requires: 'A client that accepts neither JSON nor an event stream is refused.',
    remedy: 'Answer HTTP 406, so that a client that cannot read the answers notices at once.',
    judge: refuses('unacceptable form'),
  },
];
