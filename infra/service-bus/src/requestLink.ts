import type { EventContext, Receiver, Sender, Typed } from 'rhea';
import rhea from 'rhea';
import type { AmqpError } from './amqpErrors.ts';
import { addressOf, confirmAttach, rawMessage, sendSettled, settle } from './rheaCorners.ts';

/** A request that a client sends to `$cbs` or to a queue's `$management`. */
export interface Request {
  readonly operation: string;
  readonly body: unknown;
  /** The whole message, for values that must keep the types of the sender. */
  readonly bytes: Buffer;
}

/** The values of a body have explicit types, because rhea encodes every positive integer as a uint. */
export interface Reply {
  readonly status: number;
  readonly error?: AmqpError;
  readonly body?: Readonly<Record<string, Typed>>;
}

/** The names of a reply's application properties. */
export interface ReplyNames {
  readonly status: string;
  readonly description: string;
  readonly condition: string;
}

interface DecodedRequest {
  readonly message_id: unknown;
  readonly reply_to: string | undefined;
  readonly application_properties?: { readonly operation?: string };
  readonly body: unknown;
}

const CREDIT_WINDOW = 100;

/** Serves the sending half of a client's request link. Answers go over the client's receiving half. */
export function openRequestLink(
  link: Receiver,
  names: ReplyNames,
  answer: (request: Request) => Reply,
): void {
  confirmAttach(link);
  link.set_credit_window(CREDIT_WINDOW);
  link.add_credit(CREDIT_WINDOW);
  link.on('message', ({ message, delivery }: EventContext) => {
    if (!delivery) return;
    const { bytes } = rawMessage(message, delivery);
    settle(delivery);
    const request = rhea.message.decode(bytes) as unknown as DecodedRequest;
    const reply = answer({
      operation: request.application_properties?.operation ?? '',
      body: request.body,
      bytes,
    });
    const replyLink = findReplyLink(link, request.reply_to);
    if (replyLink) sendSettled(replyLink, encodeReply(reply, names, request.message_id));
  });
}

/** Serves the receiving half of a client's request link. */
export function openReplyLink(link: Sender): void {
  confirmAttach(link);
}

/** In `reply_to`, the JavaScript client puts the name of its reply link, the .NET client the target address of that link. */
function findReplyLink(link: Receiver, replyTo: string | undefined): Sender | undefined {
  if (replyTo === undefined) return undefined;
  return link.connection.find_sender(
    (candidate: Sender) => candidate.name === replyTo || addressOf(candidate.target) === replyTo,
  );
}

function encodeReply({ status, error, body }: Reply, names: ReplyNames, correlationId: unknown): object {
  return {
    correlation_id: correlationId,
    application_properties: {
      [names.status]: rhea.types.wrap_int(status),
      [names.description]: error?.description ?? 'OK',
      ...(error && { [names.condition]: rhea.types.wrap_symbol(error.condition) }),
    },
    body: body ?? {},
  };
}
