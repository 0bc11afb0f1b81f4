import { isUtf8 } from 'node:buffer';
import type { DomainError } from '../../platform/base/errors.ts';
import { withExactNumbers } from '../../platform/base/exactJson.ts';
import { ANSWER_BOUNDS, parseJson, unsafeText } from '../../platform/base/json.ts';
import { scanJson } from '../../platform/base/jsonScan.ts';
import { readUrl } from '../../platform/base/readUrl.ts';
import { DecodingError } from '../../platform/outbound/decodedBody.ts';
import { headerOf, type OutboundResponse } from '../../platform/outbound/exchange.ts';
import { IdleTimeout, type OutboundBody } from '../../platform/outbound/outboundBody.ts';
import {
  explain,
  NO_CONNECTION,
  type OutboundClient,
  UNDECODABLE,
} from '../../platform/outbound/outboundClient.ts';
import type { Message } from '../protocol/jsonRpc.ts';
import { CALL_TIMEOUT_MS, LINGER_MS, MAX_ANSWER_BYTES, MAX_STREAM_EVENTS } from '../protocol/limits.ts';
import { readServerMessages, withSentBytes } from '../protocol/serverMessages.ts';
import { createSseParser, type SseEvent } from '../protocol/sse.ts';
import { NoConnection, SignInNeeded, UpstreamFault } from './fault.ts';

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
  /** `unnamed`: the server named no type that tells; the body may be JSON. */
  readonly form: 'json' | 'events' | 'unnamed' | 'other';
  /** Whether the server answered HTTP 401 and asks for a bearer token. */
  readonly asksForToken?: boolean;
  /** Where a redirect leads that was not followed. */
  readonly location?: URL | undefined;
  readonly sessionId: string | undefined;
  readonly body: OutboundBody;
  readonly signal: AbortSignal;
  /** How long the server may be silent within its answer. It is longer while a server request is open. */
  idleMs: number;
  /** The last event of its stream that can be resumed after. */
  resumable?: Pick<SseEvent, 'id' | 'retryMs'>;
}

/** @throws UpstreamFault when there is no answer at all; any HTTP status is an answer. */
export function send(
  outbound: OutboundClient,
  { method, url, headers, message, signal }: Exchange,
): Promise<Reply> {
  const body = message && JSON.stringify(message);
  const request = { method, url, headers, body, signal, followsRedirects: true };
  return outbound.request(request).then((sent) => {
    if (!sent.ok) throw unansweredFault(sent.error);
    return replyOf(sent.value, url, signal);
  });
}

function unansweredFault({ kind, message, members }: DomainError): UpstreamFault {
  const signInUrl = members?.['signInUrl'];
  if (kind === 'sign_in_needed' && typeof signInUrl === 'string') return new SignInNeeded(signInUrl);
  if (kind === 'forbidden') return new UpstreamFault('credentials_wanted', `was not called: ${message}`);
  if (kind === 'timeout') return new UpstreamFault('timeout', 'did not answer in time');
  if (kind === 'invalid')
    return new UpstreamFault('address_refused', `has an address that the gateway may not call: ${message}`);
  return NO_CONNECTION.has(message)
    ? new NoConnection(message)
    : new UpstreamFault('unreachable', `could not be reached: ${message}`);
}

function replyOf(response: OutboundResponse, url: string, signal: AbortSignal): Reply {
  const { statusCode: status, body } = response;
  const location = status >= 300 && status < 400 ? headerOf(response, 'location') : undefined;
  return {
    status,
    asksForToken: status === 401 && /^bearer\b/i.test(headerOf(response, 'www-authenticate') ?? ''),
    form: formOf(headerOf(response, 'content-type')),
    location: location === undefined ? undefined : readUrl(location, url),
    sessionId: headerOf(response, 'mcp-session-id'),
    body,
    signal,
    idleMs: CALL_TIMEOUT_MS,
  };
}

const forms: ReadonlyMap<string, Reply['form']> = new Map([
  ['application/json', 'json'],
  ['application/json-rpc', 'json'],
  ['text/json', 'json'],
  ['text/event-stream', 'events'],
  ['text/plain', 'unnamed'],
  ['', 'unnamed'],
]);

/** Media types are case-insensitive and may have parameters (RFC 9110, section 8.3.1). */
function formOf(contentType = ''): Reply['form'] {
  const plain = forms.get(contentType);
  if (plain !== undefined) return plain;
  const mediaType = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  return forms.get(mediaType) ?? (mediaType.endsWith('+json') ? 'json' : 'other');
}

/** Frees the connection of an answer whose body nobody needs. */
export function drop(reply: Reply): void {
  reply.body.leave(LINGER_MS);
}

/** Reads a whole JSON body. @throws UpstreamFault when it is too large, breaks off or is not JSON within the bounds. */
export async function readJson(reply: Reply): Promise<readonly Message[]> {
  const bytes = await readBody(reply);
  const messages = parse(bytes.toString('utf8'), bytes);
  if (messages === undefined) throw new UpstreamFault('not_mcp', NOT_JSON);
  return messages;
}

/** Reads a whole body as text. @throws UpstreamFault as above */
export const readText = async (reply: Reply): Promise<string> => (await readBody(reply)).toString('utf8');

/** Reads a whole body without a byte order mark (RFC 8259, section 8.1). */
function readBody(reply: Reply): Promise<Buffer> {
  return reply.body.bytes(MAX_ANSWER_BYTES, reply.idleMs).then(
    (bytes) => {
      if (bytes === undefined) throw tooLarge();
      return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
    },
    (error: unknown) => {
      throw faultIn(error, reply);
    },
  );
}

const silence = (idleMs: number) => new UpstreamFault('timeout', `sent nothing for ${idleMs / 1000} seconds`);
const tooLarge = () => new UpstreamFault('too_large', `answered with more than ${MAX_ANSWER_BYTES} bytes`);

/** Returns the fault for a body that could not be read to its end. */
function faultIn(error: unknown, { signal, idleMs }: Reply): UpstreamFault {
  if (error instanceof UpstreamFault) return error;
  if (error instanceof IdleTimeout) return silence(idleMs);
  if (error instanceof DecodingError) return new UpstreamFault('not_mcp', `cannot be read: ${UNDECODABLE}`);
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

/**
 * Returns the MCP messages in an event: none in an event of another type, and none in one without data, with which a server may
 * open. An event that is not JSON is one malformed message. @throws UpstreamFault as `parse`
 */
export function messagesIn({ type, data }: SseEvent): readonly Message[] {
  if (type !== 'message' || data === '') return [];
  return parse(data) ?? [{ kind: 'malformed', id: null, problem: NOT_JSON }];
}

/** The problem of a text that is not JSON. */
export const NOT_JSON = 'answered with something that is not JSON';

/**
 * Returns the messages in a text, or `undefined` where it is not JSON. `bytes` are those of the text, where it was received as bytes.
 * @throws UpstreamFault when the JSON is out of bounds
 */
export function parse(text: string, bytes?: Buffer): readonly Message[] | undefined {
  const parsed = parseJson(text);
  if (parsed === undefined) return undefined;
  const isExact = bytes !== undefined && isUtf8(bytes);
  // As Latin-1, a text has an index for each byte.
  const scan = scanJson(isExact && bytes.length !== text.length ? bytes.toString('latin1') : text, 'result');
  const unsafe = unsafeText(scan, parsed, ANSWER_BOUNDS);
  if (unsafe !== undefined) throw new UpstreamFault('not_mcp', `answered with JSON that ${unsafe}`);
  const value = withExactNumbers(text, parsed, scan);
  const bytesOf = (start: number, end: number) =>
    isExact ? bytes.subarray(start, end) : Buffer.from(text.slice(start, end));
  return readServerMessages(value).map((message) => withSentBytes(message, value, scan, bytesOf));
}
