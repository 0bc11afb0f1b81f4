import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { serve, type Served } from '../serve.ts';
import { answerLegacy } from './legacyAnswers.ts';
import { answerModern } from './modernAnswers.ts';
import type { Json } from './offers.ts';
import { answer, type Received, type Reply, type Tamper } from './reply.ts';

export interface ProtocolServerOptions {
  readonly era: 'legacy' | 'modern';
  /** How requests are answered: by one JSON object, or by an event stream. */
  readonly form?: 'json' | 'events';
  /** Makes the ids of sessions. */
  readonly newSession?: () => string;
  readonly tamper?: Tamper;
}

export interface ProtocolServer extends Served {
  readonly received: Received[];
}

/** An MCP server that keeps the protocol of one era to the letter, until a test breaks one of its answers. */
export async function startProtocolServer({
  era,
  form = 'json',
  newSession = randomUUID,
  tamper = () => undefined,
}: ProtocolServerOptions): Promise<ProtocolServer> {
  const received: Received[] = [];
  const sessions = new Set<string>();
  const served = await serve((request, response) => {
    void (async () => {
      const one = await receive(request);
      received.push(one);
      const reply =
        refuseUnread(one) ?? (era === 'legacy' ? answerLegacy(one, sessions, newSession) : answerModern(one));
      if (form === 'events' && isServedRequest(one, reply)) reply.headers['content-type'] = EVENTS;
      if (reply.headers['content-type'] === EVENTS) reply.headers['x-accel-buffering'] = 'no';
      tamper(reply, one);
      send(response, reply);
    })();
  });
  return { ...served, received };
}

const EVENTS = 'text/event-stream';

const isServedRequest = ({ message }: Received, { status, message: answer }: Reply): boolean =>
  message?.['id'] !== undefined && status === 200 && answer !== undefined;

async function receive(request: IncomingMessage): Promise<Received> {
  const body = await text(request);
  let message: Json | undefined;
  try {
    message = JSON.parse(body) as Json;
  } catch {
    message = undefined;
  }
  const rpc = typeof message?.['method'] === 'string' ? message['method'] : '';
  return { method: request.method ?? '', headers: request.headers, body, message, rpc };
}

/** What is refused before anybody looks at the message. */
function refuseUnread({ method, headers, message }: Received): Reply | undefined {
  const refuse = (status: number, code: number): Reply =>
    answer(status, { jsonrpc: '2.0', id: null, error: { code, message: 'refused' } });
  if (headers.origin !== undefined) return refuse(403, -32600);
  if (method !== 'POST') return undefined;
  if (headers['content-type'] !== 'application/json') return refuse(415, -32600);
  if (!/application\/json|text\/event-stream|\*\/\*/.test(headers.accept ?? '')) return refuse(406, -32600);
  if (message === undefined) return refuse(400, -32700);
  return message['jsonrpc'] === '2.0' && typeof message['method'] === 'string'
    ? undefined
    : refuse(400, -32600);
}

function send(
  response: ServerResponse,
  { status, headers, message, before = [], raw, open, silent }: Reply,
): void {
  if (silent === true) return;
  response.writeHead(status, headers);
  response.flushHeaders();
  const event = (one: Json) => `event: message\ndata: ${JSON.stringify(one)}\n\n`;
  const asEvents = headers['content-type'] === EVENTS;
  const messages = [...before, ...(message ? [message] : [])];
  const written = raw ?? (asEvents ? messages.map(event).join('') : message ? JSON.stringify(message) : '');
  response.write(written);
  if (open !== true) response.end();
}
