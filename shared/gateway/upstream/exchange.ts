import { parseExactJson } from '../../platform/base/exactJson.ts';
import { ANSWER_BOUNDS, parseJson, unsafeShape } from '../../platform/base/json.ts';
import { IdleTimeout, type OutboundBody } from '../../platform/outbound/outboundBody.ts';
import { explain, type OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { type Message, readMessage } from '../protocol/jsonRpc.ts';
import { IDLE_TIMEOUT_MS, LINGER_MS, MAX_ANSWER_BYTES, MAX_STREAM_EVENTS } from '../protocol/limits.ts';
import { createSseParser, type SseEvent } from '../protocol/sse.ts';
import { UpstreamFault } from './fault.ts';

/** One HTTP request to an MCP endpoint. */
export interface Exchange {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly message?: object;
  readonly signal: AbortSignal;
}

/** The head of an upstream's answer. Its body must be read by a reader below, or dropped. */
export interface Reply {
  readonly status: number;
  readonly form: 'json' | 'events' | 'other';
  readonly sessionId: string | undefined;
  readonly body: OutboundBody;
  readonly signal: AbortSignal;
  /** How long the server may be silent within its answer. It is longer while a server request is open. */
  idleMs: number;
  /** The last event of its stream that can be resumed after. */
  resumable?: Pick<SseEvent, 'id' | 'retryMs'>;
}

/** @throws UpstreamFault when there is no answer at all; any HTTP status is an answer. */
export async function send(outbound: OutboundClient, { message, ...exchange }: Exchange): Promise<Reply> {
  const sent = await outbound.request({
    ...exchange,
    ...(message !== undefined && { body: JSON.stringify(message) }),
  });
  if (!sent.ok) {
    const { kind, message: detail } = sent.error;
    if (kind === 'timeout') throw new UpstreamFault('timeout', 'did not answer in time');
    throw kind === 'invalid'
      ? new UpstreamFault('address_refused', `has an address that the gateway may not call: ${detail}`)
      : new UpstreamFault('unreachable', `could not be reached: ${detail}`);
  }
  const { statusCode, headers, body } = sent.value;
  const mediaType = one(headers['content-type'])?.split(';', 1)[0]?.trim().toLowerCase();
  return {
    status: statusCode,
    form: forms.get(mediaType) ?? 'other',
    sessionId: one(headers['mcp-session-id']),
    body,
    signal: exchange.signal,
    idleMs: IDLE_TIMEOUT_MS,
  };
}

const forms: ReadonlyMap<string | undefined, Reply['form']> = new Map([
  ['application/json', 'json'],
  ['text/event-stream', 'events'],
]);

const one = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header[0] : header;

/** Frees the connection of an answer whose body nobody needs. */
export function drop(reply: Reply): void {
  reply.body.leave(LINGER_MS);
}

/** Reads a whole JSON body. @throws UpstreamFault when it is too large, breaks off or is not one JSON-RPC message. */
export async function readJson(reply: Reply): Promise<Message> {
  return parse((await readWhole(reply)).toString('utf8'));
}

async function readWhole(reply: Reply): Promise<Buffer> {
  const bytes = await reply.body.bytes(MAX_ANSWER_BYTES, reply.idleMs).catch((error: unknown) => {
    throw faultIn(error, reply);
  });
  if (bytes === undefined) throw tooLarge();
  return bytes;
}

const silence = (idleMs: number) => new UpstreamFault('timeout', `sent nothing for ${idleMs / 1000} seconds`);
const tooLarge = () => new UpstreamFault('too_large', `answered with more than ${MAX_ANSWER_BYTES} bytes`);

/** Returns the fault for a body that could not be read to its end. */
function faultIn(error: unknown, { signal, idleMs }: Reply): UpstreamFault {
  if (error instanceof UpstreamFault) return error;
  if (error instanceof IdleTimeout) return silence(idleMs);
  return explain(error, signal).kind === 'timeout'
    ? new UpstreamFault('timeout', 'did not finish its answer in time')
    : new UpstreamFault('closed', 'closed the connection before its answer was complete');
}

/** Yields the events of a stream, of every type, until the server ends it. @throws UpstreamFault as above. */
export async function* readEvents(reply: Reply): AsyncGenerator<SseEvent, void, undefined> {
  const { body } = reply;
  const parser = createSseParser(MAX_ANSWER_BYTES);
  let received = 0;
  let events = 0;
  try {
    // The idle timeout runs while the gateway waits for the server, not while it waits for a slow client.
    for (let chunk = await body.next(reply.idleMs); chunk; chunk = await body.next(reply.idleMs)) {
      received += chunk.byteLength;
      if (received > MAX_ANSWER_BYTES) throw tooLarge();
      for (const event of parser.push(chunk)) {
        events += 1;
        if (events > MAX_STREAM_EVENTS)
          throw new UpstreamFault('too_large', `sent more than ${MAX_STREAM_EVENTS} events`);
        if (event.id !== undefined) reply.resumable = event;
        yield event;
      }
    }
  } catch (error) {
    body.leave();
    throw faultIn(error, reply);
  } finally {
    drop(reply);
  }
}

/** Returns the MCP message in an event, if any: a server may open with an event without data. @throws UpstreamFault as `parse` */
export const messageIn = ({ type, data }: SseEvent): Message | undefined =>
  type === 'message' && data !== '' ? parse(data) : undefined;

/** @throws UpstreamFault when the text is not one JSON-RPC message within the bounds. */
export function parse(text: string): Message {
  const value = parseJson(text, parseExactJson);
  if (value === undefined) throw new UpstreamFault('not_mcp', 'answered with something that is not JSON');
  const unsafe = unsafeShape(value, ANSWER_BOUNDS);
  if (unsafe !== undefined) throw new UpstreamFault('not_mcp', `answered with JSON that ${unsafe}`);
  return readMessage(value);
}
