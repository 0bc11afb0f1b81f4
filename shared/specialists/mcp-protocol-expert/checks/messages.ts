import { isObject } from '../../../gateway/protocol/jsonRpc.ts';
import { type Transcript, responseIn } from '../transcript/transcript.ts';
import { type Check, each, type Judgement } from './check.ts';
import { type Answered, answersToRequests, errors, responses } from './look.ts';

const page = (section: string) => ({
  legacy: `2025-11-25/basic#${section}`,
  modern: `2026-07-28/basic#${section}`,
});

/** A request that was refused before anybody read it may be answered without its id. */
const isRead = ({ answer }: Answered): boolean => answer.status < 400;

function echoes(transcript: Transcript, belongs: (id: unknown) => boolean, none: string): Judgement {
  const answers = answersToRequests(transcript).filter(
    ({ value }) => belongs(value.exchanged.sent.id) && isRead(value) && responseIn(value.exchanged),
  );
  return each(answers, none, ({ exchanged }) => {
    const id = responseIn(exchanged)?.['id'];
    if (id === exchanged.sent.id) return undefined;
    return id === undefined || id === null ? 'the response has no id' : 'the response has another id';
  });
}

/** JSON-RPC as MCP narrows it. */
export const messageChecks: readonly Check[] = [
  {
    id: 'jsonrpc_version',
    spec: page('messages'),
    severity: 'critical',
    requires: 'Every message says "jsonrpc": "2.0".',
    remedy: 'Add "jsonrpc": "2.0" to every message that the server sends.',
    judge: (transcript) =>
      each(
        answersToRequests(transcript).flatMap(({ name, value }) =>
          value.answer.messages.filter(isObject).map((message) => ({ name, value: message })),
        ),
        'there was no message',
        ({ jsonrpc }) => (jsonrpc === '2.0' ? undefined : 'the message does not say "jsonrpc": "2.0"'),
      ),
  },
  {
    id: 'string_id_echoed',
    spec: page('responses'),
    severity: 'critical',
    requires: 'A response has the id of its request, where that is a string.',
    remedy: 'Copy the id of the request into the response as it is, and do not turn it into a number.',
    judge: (transcript) =>
      echoes(transcript, (id) => typeof id === 'string', 'no request with a string as its id was answered'),
  },
  {
    id: 'integer_id_echoed',
    spec: page('responses'),
    severity: 'critical',
    requires: 'A response has the id of its request, where that is an integer.',
    remedy: 'Copy the id of the request into the response as it is, and do not turn it into a string.',
    judge: (transcript) =>
      echoes(
        transcript,
        (id) => typeof id === 'number' && id !== 0,
        'no request with an integer as its id was answered',
      ),
  },
  {
    id: 'zero_id_echoed',
    spec: { legacy: '2025-11-25/basic#responses' },
    severity: 'critical',
    requires: 'Zero is an id like any other.',
    remedy: 'Test whether the id is there, not whether it is truthy.',
    judge: (transcript) => echoes(transcript, (id) => id === 0, 'the request with the id 0 was not answered'),
  },
  {
    id: 'result_or_error',
    spec: page('responses'),
    severity: 'critical',
    requires: 'A response holds a result or an error, and not both.',
    remedy: 'Leave the other one out, also where it would be null.',
    judge: (transcript) =>
      each(responses(transcript), 'there was no response', (response) =>
        'result' in response && 'error' in response ? 'it holds both' : undefined,
      ),
  },
  {
    id: 'result_is_object',
    spec: page('result-responses'),
    severity: 'critical',
    requires: 'A result is an object.',
    remedy: 'Answer with an object; an empty result is {}.',
    judge: (transcript) =>
      each(
        responses(transcript).filter(({ value }) => 'result' in value && !('error' in value)),
        'there was no result',
        ({ result }) => (isObject(result) ? undefined : 'its result is no object'),
      ),
  },
  {
    id: 'error_code_is_integer',
    spec: page('error-responses'),
    severity: 'critical',
    requires: 'An error has an integer as its code.',
    remedy: 'Give each error one of the codes of JSON-RPC or of MCP, as a number.',
    judge: (transcript) =>
      each(errors(transcript), 'there was no error', ({ code }) =>
        Number.isInteger(code) ? undefined : 'its error has no integer as its code',
      ),
  },
  {
    id: 'error_has_message',
    spec: page('error-responses'),
    severity: 'critical',
    requires: 'An error has a message.',
    remedy: 'Say in a string what is wrong.',
    judge: (transcript) =>
      each(errors(transcript), 'there was no error', ({ message }) =>
        typeof message === 'string' ? undefined : 'its error has no message',
      ),
  },
];
