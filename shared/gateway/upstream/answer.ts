import {
  isEchoOf,
  type JsonRpcNotification,
  type JsonRpcRequest,
  type Message,
  type Outcome,
  type RequestId,
} from '../protocol/jsonRpc.ts';
import { PERSON_TIMEOUT_MS } from '../protocol/limits.ts';
import { drop, messagesIn, NOT_JSON, readEvents, readJson, type Reply } from './exchange.ts';
import { statusFault, UpstreamFault } from './fault.ts';
import { refusedOutcome } from './refusal.ts';

/** Where the answer to a server request goes: to a legacy session, or to a call of the gateway that waits (MRTR). */
export type ReplyTo =
  | { readonly kind: 'session'; readonly session: string | undefined; readonly version: string }
  | { readonly kind: 'held' };

/** Handles a server request: returns an item for the client, or nothing when the gateway has answered it. */
export type OnServerRequest = (request: JsonRpcRequest) => Promise<AnswerItem | undefined>;

/** An upstream's answer to one request: whole at once, or a stream of which the outcome is the last item. */
export type Answer =
  { readonly kind: 'whole'; readonly outcome: Outcome } | { readonly kind: 'stream'; readonly items: Items };
/** The items of an answer as they come. `return` ends the answer early. */
export interface Items extends AsyncIterable<AnswerItem, void, undefined> {
  next(): Promise<IteratorResult<AnswerItem, void>>;
  return(): Promise<IteratorResult<AnswerItem, void>>;
}
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
  const fault = statusFault(reply.status, reply.location);
  if (fault !== undefined) return { kind: 'whole', outcome: await refusedOutcome(reply, id, fault) };
  if (reply.form === 'events')
    return { kind: 'stream', items: readItems(reply, id, onServerRequest, resume) };
  if (reply.form === 'other') {
    drop(reply);
    throw neitherForm(reply);
  }
  let problem = 'answered with JSON that is not a JSON-RPC response';
  for (const message of await readResponses(reply)) {
    if (message.kind !== 'response') continue;
    if (isAnswer(message, id)) return { kind: 'whole', outcome: message.outcome };
    problem = 'answered with the id of another request';
  }
  throw new UpstreamFault('not_mcp', problem);
}

function readResponses(reply: Reply): Promise<readonly Message[]> {
  const messages = readJson(reply);
  if (reply.form !== 'unnamed') return messages;
  return messages.catch((error: unknown) => {
    throw error instanceof UpstreamFault && error.kind === 'not_mcp' ? neitherForm(reply) : error;
  });
}

const neitherForm = ({ status }: Reply) =>
  new UpstreamFault('not_mcp', `answered HTTP ${status} with neither JSON nor an event stream`);

/**
 * Returns whether a response answers the request `id`. Some servers return the id as text. One that could not read the id
 * returns its error with null (JSON-RPC 2.0, section 5).
 */
function isAnswer({ id: answered, outcome }: Extract<Message, { kind: 'response' }>, id: RequestId): boolean {
  return answered === null ? 'error' in outcome : isEchoOf(id, answered);
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

/** Returns a streamed answer whole, without its notifications; as a stream from the first server request on, if it has one. */
export async function withoutNotifications(answer: Answer): Promise<Answer> {
  if (answer.kind === 'whole') return answer;
  for (;;) {
    const item = await nextItem(answer.items);
    if (item.kind === 'request') return { kind: 'stream', items: beginningWith(item, answer.items) };
    if (item.kind !== 'outcome') continue;
    await answer.items.return();
    return { kind: 'whole', outcome: item.outcome };
  }
}

async function* beginningWith(first: AnswerItem, rest: Items): AsyncGenerator<AnswerItem, void, undefined> {
  try {
    yield first;
    yield* rest;
  } finally {
    await rest.return();
  }
}

/** Returns the next item of a stream before its outcome. @throws UpstreamFault when the stream has ended */
export const nextItem = (items: Items): Promise<AnswerItem> => items.next().then(itemIn);

function itemIn(next: IteratorResult<AnswerItem, void>): AnswerItem {
  if (next.done === true) throw new UpstreamFault('closed', 'closed the stream before it answered');
  return next.value;
}

/** Ends with the outcome, or with the last stream that could be opened. */
async function* readItems(
  reply: Reply,
  id: RequestId,
  onServerRequest: OnServerRequest,
  resume: Resume | undefined,
): AsyncGenerator<AnswerItem, void, undefined> {
  /** The fault of an event that is no message, if the stream has nothing better. Clients skip such events. */
  let unreadable: UpstreamFault | undefined;
  for (let current = reply; ;) {
    let broken: UpstreamFault | undefined;
    try {
      for await (const event of readEvents(current)) {
        for (const message of messagesIn(event)) {
          if (message.kind === 'malformed') unreadable ??= malformedEvent(message);
          const item =
            message.kind === 'request' ? await onServerRequest(message.request) : itemOf(message, id);
          if (item === undefined) continue;
          // The server is silent until a person has answered.
          if (item.kind === 'request') current.idleMs = PERSON_TIMEOUT_MS;
          yield item;
          if (item.kind === 'outcome') return;
        }
      }
    } catch (error) {
      if (!(error instanceof UpstreamFault && error.kind === 'closed')) throw error;
      broken = error;
    }
    const next = await resume?.(current);
    if (next === undefined) {
      const fault = unreadable ?? broken;
      if (fault) throw fault;
      return;
    }
    current = next;
  }
}

type Malformed = Extract<Message, { kind: 'malformed' }>;

const malformedEvent = ({ problem }: Malformed) =>
  new UpstreamFault(
    'not_mcp',
    problem === NOT_JSON ? NOT_JSON : 'sent an event that is not a JSON-RPC message',
  );

/**
 * Returns the item that a message of a stream is for the request `id`, if any. Skips a malformed message, such as a heartbeat
 * that is no message. @throws UpstreamFault for a malformed answer to this request
 */
export function itemOf(
  message: Exclude<Message, { kind: 'request' }>,
  id: RequestId,
): AnswerItem | undefined {
  if (message.kind === 'notification') return message;
  if (message.kind === 'malformed') {
    if (message.id !== null && isEchoOf(id, message.id)) throw malformedEvent(message);
    return undefined;
  }
  // An answer to another id belongs to another caller.
  return isAnswer(message, id) ? { kind: 'outcome', outcome: message.outcome } : undefined;
}
