import { isObject, type JsonObject } from '../../../gateway/protocol/jsonRpc.ts';
import { resultIn, type Transcript } from '../transcript/transcript.ts';
import { type Check, each, type Subject } from './check.ts';
import { answersToRequests, isAbsentOr, isString, results } from './look.ts';

const mrtr = { modern: '2026-07-28/basic/patterns/mrtr' };
const mayAsk: ReadonlySet<string | undefined> = new Set(['tools/call', 'prompts/get', 'resources/read']);

const asking = (transcript: Transcript): readonly Subject<readonly [string | undefined, JsonObject]>[] =>
  answersToRequests(transcript).flatMap(({ name, value: { exchanged } }) => {
    const result = resultIn(exchanged);
    return result?.['resultType'] === 'input_required'
      ? [{ name, value: [exchanged.sent.rpc, result] as const }]
      : [];
  });
const NONE = 'nothing was asked of the client';

/** The types of results that the modern era has. */
export const resultChecks: readonly Check[] = [
  {
    id: 'result_type_told',
    spec: { modern: '2026-07-28/basic#resulttype' },
    severity: 'critical',
    requires: 'Every result tells its resultType.',
    remedy: 'Add "resultType": "complete" to results that are complete.',
    judge: (transcript) =>
      each(results(transcript), 'there was no result', ({ resultType }) =>
        isString(resultType) ? undefined : 'it tells no resultType',
      ),
  },
  {
    id: 'result_type_known',
    spec: { modern: '2026-07-28/basic#resulttype' },
    severity: 'critical',
    requires: 'A resultType is complete or input_required: no extension was agreed on.',
    remedy: 'Use types of extensions only for clients that declare the extension.',
    judge: (transcript) =>
      each(results(transcript), 'there was no result', ({ resultType }) =>
        resultType === undefined || resultType === 'complete' || resultType === 'input_required'
          ? undefined
          : 'its resultType is another one',
      ),
  },
  {
    id: 'input_asked_where_allowed',
    spec: mrtr,
    severity: 'critical',
    requires: 'Only tools/call, prompts/get and resources/read ask for input.',
    remedy: 'Answer other methods with what is there.',
    judge: (transcript) =>
      each(asking(transcript), NONE, ([rpc]) => (mayAsk.has(rpc) ? undefined : 'this method may not')),
  },
  {
    id: 'input_asked_of_capable',
    spec: { modern: '2026-07-28/basic#_meta' },
    severity: 'critical',
    requires: 'Input is asked only of clients that declare the capability for it; this one declares none.',
    remedy: 'Refuse the request with -32021 and name the capability.',
    judge: (transcript) =>
      each(
        asking(transcript).filter(({ value: [rpc] }) => mayAsk.has(rpc)),
        NONE,
        ([, { inputRequests }]) =>
          isObject(inputRequests) && Object.keys(inputRequests).length > 0
            ? 'it asks a client that can answer nothing'
            : undefined,
      ),
  },
  {
    id: 'input_request_shape',
    spec: mrtr,
    severity: 'critical',
    requires: 'A result that asks for input holds inputRequests, an object, or requestState, a string.',
    remedy: 'Put what is asked into inputRequests, each under a key of its own.',
    judge: (transcript) =>
      each(asking(transcript), NONE, ([, { inputRequests, requestState }]) =>
        isAbsentOr(isObject)(inputRequests) &&
        isAbsentOr(isString)(requestState) &&
        (inputRequests !== undefined || requestState !== undefined)
          ? undefined
          : 'it holds neither, or in another form',
      ),
  },
];
