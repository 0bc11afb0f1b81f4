import { isObject, type JsonObject, type RequestId } from '../../../gateway/protocol/jsonRpc.ts';
import { MAX_STREAM_EVENTS } from '../../../gateway/protocol/limits.ts';
import { createSseParser, type SseEvent } from '../../../gateway/protocol/sse.ts';
import { ANSWER_BOUNDS, unsafeShape } from '../../../platform/base/json.ts';
import type { OutboundBody } from '../../../platform/outbound/outboundBody.ts';
import { explain, type OutboundClient } from '../../../platform/outbound/outboundClient.ts';

/** One HTTP request to a server. */
export interface Sent {
  /** The stable name of what this exchange tests. */
  readonly step: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The id of the JSON-RPC request in the body; absent for anything else. */
  readonly id?: RequestId;
  /** The method of the message in the body. */
  readonly rpc?: string;
  /** Whether the answer may be compressed. */
  readonly compressed?: true;
}

/** The answer as it came over the wire, of any status. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Without parameters, in lower case; empty where the server named none. */
  readonly mediaType: string;
  readonly text: string;
  readonly bytes: number;
  readonly isUtf8: boolean;
  /** Of an event stream. */
  readonly events: readonly SseEvent[];
  /** The parsed JSON of the body or of the events; the items of an array count one by one. */
  readonly messages: readonly unknown[];
  readonly arrays: number;
  /** The number of bodies and events that are not JSON, or whose JSON is unsafe to walk. */
  readonly unreadable: number;
  /** Whether the server ended its answer; false where reading was stopped first. */
  readonly ended: boolean;
  readonly firstByteMs: number;
  readonly durationMs: number;
}

export interface Exchanged {
  readonly sent: Sent;
  readonly answer?: Answer;
  /** Why there is no answer. `words` never holds text of the server. */
  readonly failure?: {
    readonly kind: 'timeout' | 'unavailable' | 'too_large' | 'invalid';
    readonly words: string;
  };
}

/** How much of an answer is read: all of it, only the headers of an event stream, or up to its first event. */
export type ReadUntil = 'end' | 'head' | 'event';

const ANSWER_WITHIN_MS = 5_000;
/** The gateway keeps at most 400 KiB for a server; this leaves room to measure larger lists. */
const MAX_ANSWER_BYTES = 1024 * 1024;
/** How long a stream may stay open after its response. */
const LINGER_MS = 2_000;

/** Sends one HTTP request and reads its answer. Every failure is part of the result; nothing is thrown. */
export async function exchange(
  outbound: OutboundClient,
  url: string,
  sent: Sent,
  signal: AbortSignal,
  until: ReadUntil = 'end',
): Promise<Exchanged> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]);
  const startedAt = performance.now();
  const { method, headers, body, compressed } = sent;
  const reply = await outbound.request({
    method,
    url,
    headers,
    ...(body !== undefined && { body }),
    acceptEncoding: compressed ? 'gzip' : 'identity',
    signal: within,
  });
  if (!reply.ok) return { sent, failure: failureOf(reply.error.kind, reply.error.message) };
  const { statusCode: status, headers: received } = reply.value;
  const firstByteMs = performance.now() - startedAt;
  const mediaType = first(received['content-type'])?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const read = await readBody(reply.value.body, { mediaType, until, id: sent.id, signal: within });
  if ('failure' in read) return { sent, failure: read.failure };
  const durationMs = performance.now() - startedAt;
  return { sent, answer: { status, headers: received, mediaType, firstByteMs, durationMs, ...read } };
}

interface Reading {
  readonly mediaType: string;
  readonly until: ReadUntil;
  readonly id: RequestId | undefined;
  readonly signal: AbortSignal;
}

type ReadBody = Pick<
  Answer,
  'text' | 'bytes' | 'isUtf8' | 'events' | 'messages' | 'arrays' | 'unreadable' | 'ended'
>;

async function readBody(
  body: OutboundBody,
  { mediaType, until, id, signal }: Reading,
): Promise<ReadBody | Pick<Required<Exchanged>, 'failure'>> {
  const isStream = mediaType === 'text/event-stream';
  const parser = createSseParser(MAX_ANSWER_BYTES);
  const chunks: Uint8Array[] = [];
  const events: SseEvent[] = [];
  const parsed: Parsed = { messages: [], arrays: 0, unreadable: 0 };
  let bytes = 0;
  let lingering: NodeJS.Timeout | undefined;
  const given = (ended: boolean): ReadBody => {
    const whole = Buffer.concat(chunks, bytes);
    const text = whole.toString('utf8');
    if (!isStream && text.trim() !== '') parseInto(text, parsed);
    return { text, bytes, isUtf8: Buffer.from(text, 'utf8').equals(whole), events, ...parsed, ended };
  };
  try {
    if (isStream && until === 'head') return given(false);
    for (let chunk = await body.next(); chunk; chunk = await body.next()) {
      bytes += chunk.byteLength;
      if (bytes > MAX_ANSWER_BYTES)
        return { failure: failureOf('too_large', `it answered with more than ${MAX_ANSWER_BYTES} bytes`) };
      chunks.push(chunk);
      if (!isStream) continue;
      const before = parsed.messages.length;
      for (const event of parser.push(chunk)) {
        events.push(event);
        if (event.data !== '') parseInto(event.data, parsed);
      }
      if (events.length > MAX_STREAM_EVENTS)
        return { failure: failureOf('too_large', `it answered with more than ${MAX_STREAM_EVENTS} events`) };
      if (until === 'event' && parsed.messages.length > 0) return given(false);
      if (
        parsed.messages
          .slice(before)
          .some((message) => id !== undefined && isObject(message) && isResponse(message))
      )
        lingering ??= setTimeout(() => {
          body.leave();
        }, LINGER_MS);
    }
    return given(true);
  } catch (error) {
    if (lingering !== undefined) return given(false);
    const { kind, message } = explain(error, signal);
    return { failure: failureOf(kind, kind === 'timeout' ? 'its answer did not end in time' : message) };
  } finally {
    clearTimeout(lingering);
    body.leave();
  }
}

interface Parsed {
  readonly messages: unknown[];
  arrays: number;
  unreadable: number;
}

function parseInto(text: string, into: Parsed): void {
  try {
    const value: unknown = JSON.parse(text);
    if (unsafeShape(value, ANSWER_BOUNDS) !== undefined) into.unreadable += 1;
    else if (!Array.isArray(value)) into.messages.push(value);
    else {
      into.arrays += 1;
      for (const item of value as unknown[]) into.messages.push(item);
    }
  } catch {
    into.unreadable += 1;
  }
}

/** Whether a message is a JSON-RPC response, of any id. */
export const isResponse = (message: JsonObject): boolean =>
  !('method' in message) && ('result' in message || 'error' in message);

function failureOf(kind: string, words: string): NonNullable<Exchanged['failure']> {
  const kinds = ['timeout', 'too_large', 'invalid'] as const;
  return { kind: kinds.find((known) => known === kind) ?? 'unavailable', words };
}

const first = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header[0] : header;
