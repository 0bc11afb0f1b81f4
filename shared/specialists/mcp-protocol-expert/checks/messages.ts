import { MISSING_CLIENT_CAPABILITY } from '../../../gateway/protocol/errorCodes.ts';
import { isObject, type JsonObject } from '../../../gateway/protocol/jsonRpc.ts';
import { responseIn, resultIn } from '../transcript/transcript.ts';
import {
  answersToRequests,
  answersWhere,
  both,
  type Check,
  each,
  errors,
  having,
  isAbsentOr,
  isString,
  type Judge,
  legacy,
  messages,
  modern,
  responses,
  results,
  type Select,
} from './check.ts';

/**
 * Passes where responses have the ids of their requests, for ids of one kind. A request that is refused unread may be answered
 * without its id.
 */
const echoes = (isOfKind: (id: unknown) => boolean, none: string): Judge =>
  each(
    answersWhere(
      ({ exchanged, answer }) =>
        isOfKind(exchanged.sent.id) && answer.status < 400 && responseIn(exchanged) !== undefined,
    ),
    none,
    ({ exchanged }) => {
      const id = responseIn(exchanged)?.['id'];
      if (id === exchanged.sent.id) return undefined;
      return id === undefined || id === null ? 'the response has no id' : 'the response has another id';
    },
  );

/** JSON-RPC, with the restrictions that MCP adds. */
export const messageChecks: readonly Check[] = [
  {
    id: 'jsonrpc_version',
    spec: both('basic#messages'),
    severity: 'critical',
    requires: 'Every message says "jsonrpc": "2.0".',
    remedy: 'Add "jsonrpc": "2.0" to every message that the server sends.',
    judge: each(messages, 'there was no message', ({ jsonrpc }) =>
      jsonrpc === '2.0' ? undefined : 'the message does not say "jsonrpc": "2.0"',
    ),
  },
  {
    id: 'string_id_echoed',
    spec: both('basic#responses'),
    severity: 'critical',
    requires: 'A response has the id of its request, if that is a string.',
    remedy: 'Copy the id of the request into the response unchanged. Do not turn it into a number.',
    judge: echoes(isString, 'no request with a string as its id was answered'),
  },
  {
    id: 'integer_id_echoed',
    spec: both('basic#responses'),
    severity: 'critical',
    requires: 'A response has the id of its request, if that is an integer.',
    remedy: 'Copy the id of the request into the response unchanged. Do not turn it into a string.',
    judge: echoes(
      (id) => typeof id === 'number' && id !== 0,
      'no request with an integer as its id was answered',
    ),
  },
  {
    id: 'zero_id_echoed',
    spec: legacy('basic#responses'),
    severity: 'critical',
    requires: 'The id 0 is valid.',
    remedy: 'Test whether the id is present, not whether it is truthy.',
    judge: echoes((id) => id === 0, 'the request with the id 0 was not answered'),
  },
  {
    id: 'result_or_error',
    spec: both('basic#responses'),
    severity: 'critical',
    requires: 'A response holds a result or an error, but not both.',
    remedy: 'Leave the other one out, even if it would be null.',
    judge: each(responses, 'there was no response', (response) =>
      'result' in response && 'error' in response ? 'it holds both' : undefined,
    ),
  },
  {
    id: 'result_is_object',
    spec: both('basic#result-responses'),
    severity: 'critical',
    requires: 'A result is an object.',
    remedy: 'Answer with an object; an empty result is {}.',
    judge: each(
      (transcript) => having('result', responses)(transcript).filter(({ value }) => !('error' in value)),
      'there was no result',
      ({ result }) => (isObject(result) ? undefined : 'its result is not an object'),
    ),
  },
  {
    id: 'error_code_is_integer',
    spec: both('basic#error-responses'),
    severity: 'critical',
    requires: 'An error has an integer as its code.',
    remedy: 'Give each error one of the codes of JSON-RPC or of MCP, as a number.',
    judge: each(errors, 'there was no error', ({ code }) =>
      Number.isInteger(code) ? undefined : 'its error has no integer as its code',
    ),
  },
  {
    id: 'error_has_message',
    spec: both('basic#error-responses'),
    severity: 'critical',
    requires: 'An error has a message.',
    remedy: 'Describe the error in a string.',
    judge: each(errors, 'there was no error', ({ message }) =>
      typeof message === 'string' ? undefined : 'its error has no message',
    ),
  },
];

const mrtr = modern('basic/patterns/mrtr');
const mayAsk: ReadonlySet<string | undefined> = new Set(['tools/call', 'prompts/get', 'resources/read']);

/** Selects the results that ask the client for input, with the method of their request. */
const asking: Select<readonly [string | undefined, JsonObject]> = (transcript) =>
  answersToRequests(transcript).flatMap(({ name, value: { exchanged } }) => {
    const result = resultIn(exchanged);
    return result?.['resultType'] === 'input_required'
      ? [{ name, value: [exchanged.sent.rpc, result] as const }]
      : [];
  });
const NOT_ASKED = 'nothing was asked of the client';

/** The types of results in the modern era. */
export const resultChecks: readonly Check[] = [
  {
    id: 'result_type_told',
    spec: modern('basic#resulttype'),
    severity: 'critical',
    requires: 'Every result has a resultType.',
    remedy: 'Add "resultType": "complete" to complete results.',
    judge: each(results, 'there was no result', ({ resultType }) =>
      isString(resultType) ? undefined : 'it has no resultType',
    ),
  },
  {
    id: 'result_type_known',
    spec: modern('basic#resulttype'),
    severity: 'critical',
    requires: 'A resultType is complete or input_required, since the client declared no extension.',
    remedy: 'Use the types of an extension only for clients that declare the extension.',
    judge: each(results, 'there was no result', ({ resultType }) =>
      resultType === undefined || resultType === 'complete' || resultType === 'input_required'
        ? undefined
        : 'it has another resultType',
    ),
  },
  {
    id: 'input_asked_where_allowed',
    spec: mrtr,
    severity: 'critical',
    requires: 'Only tools/call, prompts/get and resources/read ask for input.',
    remedy: 'Answer other methods without asking for input.',
    judge: each(asking, NOT_ASKED, ([rpc]) => (mayAsk.has(rpc) ? undefined : 'this method may not')),
  },
  {
    id: 'input_asked_of_capable',
    spec: modern('basic#_meta'),
    severity: 'critical',
    requires:
      'A server asks for input only if the client declares the capability; this client declares none.',
    remedy: `Refuse the request with ${MISSING_CLIENT_CAPABILITY} and name the capability.`,
    judge: each(
      (transcript) => asking(transcript).filter(({ value: [rpc] }) => mayAsk.has(rpc)),
      NOT_ASKED,
      ([, { inputRequests }]) =>
        isObject(inputRequests) && Object.keys(inputRequests).length > 0
          ? 'it asks a client that declares no capability'
          : undefined,
    ),
  },
  {
    id: 'input_request_shape',
    spec: mrtr,
    severity: 'critical',
    requires: 'A result that asks for input holds inputRequests (an object) or requestState (a string).',
    remedy: 'Put each request for input into inputRequests under its own key.',
    judge: each(asking, NOT_ASKED, ([, { inputRequests, requestState }]) =>
      isAbsentOr(isObject)(inputRequests) &&
      isAbsentOr(isString)(requestState) &&
      (inputRequests !== undefined || requestState !== undefined)
        ? undefined
        : 'it holds neither, or one of another type',
    ),
  },
];
