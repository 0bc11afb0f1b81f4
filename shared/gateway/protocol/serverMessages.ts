import type { JsonScan } from '../../platform/base/jsonScan.ts';
import { INTERNAL_ERROR } from './errorCodes.ts';
import { isObject, type JsonObject, type Message, readMessage, SENT } from './jsonRpc.ts';

/** The messages in a JSON value that a server sent: one, or a batch (2025-03-26, basic, Batching). */
export function readServerMessages(value: unknown): readonly Message[] {
  return Array.isArray(value) ? value.map(readServerMessage) : [readServerMessage(value)];
}

/**
 * Returns the message that is the whole of a text, with the bytes of its result. `bytesOf` returns those of a part of the text.
 * A result with a repeated key has none: the client may read another of the values than the gateway. Neither has a repaired one.
 */
export function withSentBytes(
  message: Message,
  value: unknown,
  { field, outerKeys, isOneLine }: JsonScan,
  bytesOf: (start: number, end: number) => Buffer,
): Message {
  if (message.kind !== 'response' || 'error' in message.outcome || !isOneLine) return message;
  const { result } = message.outcome;
  const isWhole =
    isObject(value) &&
    value['result'] === result &&
    Object.keys(value).length === outerKeys &&
    Object.keys(result).length === field?.keys;
  return isWhole ? { ...message, outcome: { result, [SENT]: bytesOf(field.start, field.end) } } : message;
}

function readServerMessage(value: unknown): Message {
  const message = readMessage(value);
  return message.kind === 'malformed' && isObject(value) ? readMessage(repaired(value)) : message;
}

/**
 * Repairs what servers get wrong where the meaning is plain. Absent fields that are sent as null are removed: `id` and `params` of
 * a notification, `error` beside a result. An empty result may be null. An error may be a text, or lack its code or message.
 */
function repaired({ id, params, result, error, ...rest }: JsonObject): JsonObject {
  const isCall = 'method' in rest;
  const given = <T>(name: string, field: T | null | undefined) =>
    field === null || field === undefined ? {} : { [name]: field };
  if (isCall) return { ...rest, ...given('id', id), ...given('params', params) };
  if (error !== null && error !== undefined) return { ...rest, id, error: repairedError(error) };
  return { ...rest, id, ...(result === null ? { result: {} } : given('result', result)) };
}

function repairedError(error: unknown): unknown {
  if (typeof error === 'string') return { code: INTERNAL_ERROR, message: error };
  if (!isObject(error)) return error;
  const { code, message } = error;
  return {
    ...error,
    code: Number.isInteger(Number(code)) ? Number(code) : INTERNAL_ERROR,
    message: typeof message === 'string' ? message : 'The server gave no message.',
  };
}
