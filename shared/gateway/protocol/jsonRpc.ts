import { asDouble, type ExactNumber, isExactNumber } from '../../platform/base/exactJson.ts';

/** Any JSON object, as it was parsed. It is copied by spreading only, which keeps an own `__proto__` key a plain key. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** MCP narrows JSON-RPC: an id is a string or an integer, never null. An exact number is an integer that no double is. */
export type RequestId = string | number | ExactNumber;

export interface JsonRpcRequest {
  readonly jsonrpc: '2.0';
  readonly id: RequestId;
  readonly method: string;
  readonly params?: JsonObject;
}
export interface JsonRpcNotification {
  readonly jsonrpc: '2.0';
  readonly method: string;
  readonly params?: JsonObject;
}
export interface JsonRpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}
/** What a request came to. */
export type Outcome = Success | { readonly error: JsonRpcError };
export interface Success {
  readonly result: JsonObject;
  /** The JSON of this result in the bytes of its server, without line breaks. Absent where the gateway made or changed the result. */
  readonly [SENT]?: Buffer;
}
/** A symbol, so that no JSON of an outcome has it. */
export const SENT = Symbol('sent');

/** One JSON-RPC message, or the reason why the value is none. */
export type Message =
  | { readonly kind: 'request'; readonly request: JsonRpcRequest }
  | { readonly kind: 'notification'; readonly notification: JsonRpcNotification }
  | { readonly kind: 'response'; readonly id: RequestId | null; readonly outcome: Outcome }
  | { readonly kind: 'malformed'; readonly id: RequestId | null; readonly problem: string };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isExactNumber(value);
}

/**
 * Tells what a parsed JSON value is (JSON-RPC 2.0 sections 4 and 5; MCP 2026-07-28 basic, Messages). Looks at the envelope only.
 */
export function readMessage(value: unknown): Message {
  if (!isObject(value)) return malformed('a message is a JSON object');
  const { jsonrpc, id, method, params } = value;
  const usableId = typeof id === 'string' || Number.isInteger(asDouble(id)) ? (toId(id) ?? null) : null;
  if (jsonrpc !== '2.0') return malformed('"jsonrpc" must be "2.0"', usableId);
  if (method === undefined)
    return readResponse(value, usableId) ?? malformed('"method" is missing', usableId);
  if (typeof method !== 'string') return malformed('"method" must be a string', usableId);
  if (params !== undefined && !isObject(params)) return malformed('"params" must be an object', usableId);
  const given = params && { params };
  if (!('id' in value)) return { kind: 'notification', notification: { jsonrpc, method, ...given } };
  if (usableId === null) return malformed('"id" must be a string or a whole number');
  return { kind: 'request', request: { jsonrpc, method, ...given, id: usableId } };
}

const malformed = (problem: string, id: RequestId | null = null): Message => ({
  kind: 'malformed',
  id,
  problem,
});

/**
 * Returns a JSON value as an id or a progress token, or `undefined`. `1.0` is the integer 1: some JSON libraries write all
 * numbers so.
 */
export function toId(value: unknown): RequestId | undefined {
  if (typeof value === 'string') return value;
  const number = asDouble(value);
  if (typeof number !== 'number') return undefined;
  return isExactNumber(value) && !Number.isSafeInteger(number) ? value : number;
}

/** Returns the id for a server. An exact number becomes text, because servers may read numbers as doubles. */
export const idForServer = (id: RequestId): string | number => (isExactNumber(id) ? id.rawJSON : id);

/** Whether an answer has the id of a request. Some servers return the id as text. */
export const isEchoOf = (id: RequestId, answered: RequestId): boolean =>
  answered === id || String(idForServer(answered)) === String(idForServer(id));

/** Whether two ids or progress tokens are the same. */
export const isSameId = (one: RequestId, other: unknown): boolean => {
  const id = toId(other);
  return one === id || (isExactNumber(one) && isExactNumber(id) && one.rawJSON === id.rawJSON);
};

/** Returns a response as JSON. A result that nobody changed costs a copy of its bytes. */
export function writeResponse(id: RequestId | null, outcome: Outcome): string | Uint8Array {
  if ('error' in outcome || outcome[SENT] === undefined)
    return JSON.stringify({ jsonrpc: '2.0', id, ...outcome });
  const before = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":`;
  const sent = outcome[SENT];
  return sent.byteLength < BYTES_FROM
    ? `${before}${sent.toString()}}`
    : Buffer.concat([Buffer.from(before), sent, Buffer.from('}')]);
}

/** Node writes a short text together with the head of its response, but bytes beside it. */
const BYTES_FROM = 4096;

function readResponse(value: JsonObject, id: RequestId | null): Message | undefined {
  const { result, error } = value;
  if (isObject(result)) return id === null ? undefined : { kind: 'response', id, outcome: { result } };
  if (!isObject(error)) return undefined;
  const { message } = error;
  const code = asDouble(error['code']);
  if (!Number.isInteger(code) || typeof code !== 'number' || typeof message !== 'string') return undefined;
  return { kind: 'response', id, outcome: { error: { ...error, code, message } } };
}
