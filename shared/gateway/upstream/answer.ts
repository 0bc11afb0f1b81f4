import type { JsonRpcNotification, JsonRpcRequest, Message, Outcome, RequestId } from '../protocol/jsonRpc.ts';
import { drop, messageIn, type Reply, readEvents, readJson } from './exchange.ts';
import { statusFault, UpstreamFault } from './fault.ts';

/** Where a server waits for the answer to what it asked: a session of the legacy era, or a call that we hold ourselves. */
export type ReplyTo =
  | { readonly kind: 'session'; readonly session: string | undefined; readonly version: string }
  | { readonly kind: 'held' };

/** What becomes of a request of the server: an item to pass on, or nothing when it has been answered. */
export type Asked = (request: JsonRpcRequest) => Promise<AnswerItem | undefined>;

/** An upstream's answer to one request: whole at once, or a stream of which the outcome is the last item. */
export type Answer =
  | { readonly kind: 'whole'; readonly outcome: Outcome }
  | { readonly kind: 'stream'; readonly items: AsyncGenerator<AnswerItem, void, undefined> };
export type AnswerItem =
  | { readonly kind: 'notification'; readonly notification: JsonRpcNotification }
  /** The server asks the client; what it answers goes to `replyTo`. */
  | { readonly kind: 'request'; readonly request: JsonRpcRequest; readonly replyTo: ReplyTo }
  | { readonly kind: 'outcome'; readonly outcome: Outcome };

/** Opens a stream again after its last event; undefined when that cannot be. */
export type Resume = (reply: Reply) => Promise<Reply | undefined>;

/**
 * Takes from a reply what belongs to the request `id`. `asked` decides about requests that the server makes meanwhile,
 * `resume` what becomes of a stream that ends too soon.
 * @throws UpstreamFault, also from the stream, when the server ends without an outcome for this id.
 */
export async function answerTo(reply: Reply, id: RequestId, asked: Asked, resume?: Resume): Promise<Answer> {
  const fault = statusFault(reply.status);
  if (fault !== undefined) {
    const outcome = await errorIn(reply, id);
    if (outcome === undefined) throw fault;
    return { kind: 'whole', outcome };
  }
  if (reply.form === 'events') return { kind: 'stream', items: readItems(reply, id, asked, resume) };
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

/** The outcome alone, for a caller whom notifications on the way do not concern. */
export async function outcomeOf(answer: Answer): Promise<Outcome> {
  if (answer.kind === 'whole') return answer.outcome;
  for (;;) {
    const item = await nextItem(answer.items);
    if (item.kind !== 'outcome') continue;
    await answer.items.return();
    return item.outcome;
  }
}

/** The next item of a stream of which the outcome has not come yet. @throws UpstreamFault when there is none */
export async function nextItem(items: AsyncGenerator<AnswerItem, void, undefined>): Promise<AnswerItem> {
  const next = await items.next();
  if (next.done === true) throw new UpstreamFault('closed', 'closed the stream before it answered');
  return next.value;
}

/** The JSON-RPC error for this request that a 4xx may carry (2026-07-28, transports: 400 and 404 do). */
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
    // The status says more than the body that it could not be read from.
    if (error instanceof UpstreamFault) return undefined;
    throw error;
  }
}

/** How long a person may take to answer. Azure cuts HTTP calls at 230 seconds. */
export const PERSON_WITHIN_MS = 210_000;

/** Ends with the outcome, or with the last stream that could be had. */
async function* readItems(
  reply: Reply,
  id: RequestId,
  asked: Asked,
  resume: Resume | undefined,
): AsyncGenerator<AnswerItem, void, undefined> {
  for (let current = reply; ;) {
    let broken: UpstreamFault | undefined;
    try {
      for await (const event of readEvents(current)) {
        const message = messageIn(event);
        const item = message?.kind === 'request' ? await asked(message.request) : itemOf(message, id);
        if (item === undefined) continue;
        // The server is silent now until a person has answered.
        if (item.kind === 'request') current.idleMs = PERSON_WITHIN_MS;
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

/** What a message of a stream is to the request `id`; undefined when it is nothing to it. @throws UpstreamFault when it is none */
export function itemOf(
  message: Exclude<Message, { kind: 'request' }> | undefined,
  id: RequestId,
): AnswerItem | undefined {
  if (message === undefined || message.kind === 'notification') return message;
  if (message.kind === 'malformed')
    throw new UpstreamFault('not_mcp', 'sent an event that is not a JSON-RPC message');
  // An answer to another id is not this caller's to see.
  return message.id === id ? { kind: 'outcome', outcome: message.outcome } : undefined;
}
