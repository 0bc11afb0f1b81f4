import type {
  JsonRpcNotification,
  JsonRpcRequest,
  Message,
  Outcome,
  RequestId,
} from '../protocol/jsonRpc.ts';
import { PERSON_TIMEOUT_MS } from '../protocol/limits.ts';
import { drop, messageIn, readEvents, readJson, type Reply } from './exchange.ts';
import { statusFault, UpstreamFault } from './fault.ts';

/** Where the answer to a server request goes: to a legacy session, or to a call of the gateway that waits (MRTR). */
export type ReplyTo =
  | { readonly kind: 'session'; readonly session: string | undefined; readonly version: string }
  | { readonly kind: 'held' };

/** Handles a server request: returns an item for the client, or nothing when the gateway has answered it. */
export type OnServerRequest = (request: JsonRpcRequest) => Promise<AnswerItem | undefined>;

/** An upstream's answer to one request: whole at once, or a stream of which the outcome is the last item. */
export type Answer =
  | { readonly kind: 'whole'; readonly outcome: Outcome }
  | { readonly kind: 'stream'; readonly items: AsyncGenerator<AnswerItem, void, undefined> };
export type AnswerItem =
  | { readonly kind: 'notification'; readonly notification: JsonRpcNotification }
  /** A server request for the client. The answer goes to `replyTo`. */
  | { readonly kind: 'request'; readonly request: JsonRpcRequest; readonly replyTo: ReplyTo }
  | { readonly kind: 'outcome'; readonly outcome: Outcome };

/** Opens a stream again after its last event; `undefined` when that is impossible. */
export type Resume = (reply: Reply) => Promise<Reply | undefined>;

/**
 * Returns the answer to the request `id` from a reply. `onServerRequest` handles server requests in its stream, and `resume`
 * a stream that ends too soon.
 * @throws UpstreamFault, also from the stream, when the server ends without an outcome for this id.
 */
export async function answerTo(
  reply: Reply,
  id: RequestId,
  onServerRequest: OnServerRequest,
  resume?: Resume,
): Promise<Answer> {
  const fault = statusFault(reply.status);
  if (fault !== undefined) {
    const outcome = await errorIn(reply, id);
    if (outcome === undefined) throw fault;
    return { kind: 'whole', outcome };
  }
  if (reply.form === 'events')
    return { kind: 'stream', items: readItems(reply, id, onServerRequest, resume) };
  if (reply.form === 'other') {
    drop(reply);
    throw new UpstreamFault('not_mcp', `answered HTTP ${reply.status} with neither JSON nor an event stream`);
  }
  const message = await readJson(reply);
  if (message.kind !== 'response') {
    throw new UpstreamFault('not_mcp', 'answered with JSON that is not a JSON-RPC response');
  }
  if (message.id !== id) throw new UpstreamFault('not_mcp', 'answered with the id of another request');
  return { kind: 'whole', outcome: message.outcome };
}

/** Returns the outcome alone and drops notifications. */
export async function outcomeOf(answer: Answer): Promise<Outcome> {
  if (answer.kind === 'whole') return answer.outcome;
  for (;;) {
    const item = await nextItem(answer.items);
    if (item.kind !== 'outcome') continue;
    await answer.items.return();
    return item.outcome;
  }
}

/** Returns the next item of a stream before its outcome. @throws UpstreamFault when the stream has ended */
export async function nextItem(items: AsyncGenerator<AnswerItem, void, undefined>): Promise<AnswerItem> {
  const next = await items.next();
  if (next.done === true) throw new UpstreamFault('closed', 'closed the stream before it answered');
  return next.value;
}

/** Returns the JSON-RPC error in the body of a 4xx, if it has one (2026-07-28, transports: 400 and 404 do). */
async function errorIn(reply: Reply, id: RequestId): Promise<Outcome | undefined> {
  const mayCarry = reply.form === 'json' && reply.status >= 400 && reply.status < 500;
  if (!mayCarry || reply.status === 401 || reply.status === 403) {
    drop(reply);
    return undefined;
  }
  try {
    const message = await readJson(reply);
    return message.kind === 'response' && message.id === id && 'error' in message.outcome
      ? message.outcome
      : undefined;
  } catch (error) {
    // The status says more than a body that cannot be read.
    if (error instanceof UpstreamFault) return undefined;
    throw error;
  }
}

/** Ends with the outcome, or with the last stream that could be opened. */
async function* readItems(
  reply: Reply,
  id: RequestId,
  onServerRequest: OnServerRequest,
  resume: Resume | undefined,
): AsyncGenerator<AnswerItem, void, undefined> {
  for (let current = reply; ;) {
    let broken: UpstreamFault | undefined;
    try {
      for await (const event of readEvents(current)) {
        const message = messageIn(event);
        const item =
          message?.kind === 'request' ? await onServerRequest(message.request) : itemOf(message, id);
        if (item === undefined) continue;
        // The server is silent until a person has answered.
        if (item.kind === 'request') current.idleMs = PERSON_TIMEOUT_MS;
        yield item;
        if (item.kind === 'outcome') return;
      }
    } catch (error) {
      if (!(error instanceof UpstreamFault && error.kind === 'closed')) throw error;
      broken = error;
    }
    const next = await resume?.(current);
    if (next === undefined) {
      if (broken) throw broken;
      return;
    }
    current = next;
  }
}

/** Returns the item that a message of a stream is for the request `id`, if any. @throws UpstreamFault for a malformed message */
export function itemOf(
  message: Exclude<Message, { kind: 'request' }> | undefined,
  id: RequestId,
): AnswerItem | undefined {
  if (message === undefined || message.kind === 'notification') return message;
  if (message.kind === 'malformed')
    throw new UpstreamFault('not_mcp', 'sent an event that is not a JSON-RPC message');
  // An answer to another id belongs to another caller.
  return message.id === id ? { kind: 'outcome', outcome: message.outcome } : undefined;
}
