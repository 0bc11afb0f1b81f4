import rhea from 'rhea';
import { z } from 'zod';
import { lockLost, malformed, messageNotFound, notImplemented, undecodable } from './amqpErrors.ts';
import { lockTokenOfUuid } from './lockToken.ts';
import { deadLetterReason, NO_PROPERTIES, withProperties } from './message.ts';
import {
  decodeBodyMap,
  decodeMessage,
  decodeProperties,
  encodePeeked,
  type WireMessage,
} from './messageCodec.ts';
import type { Queue, Settlement } from './queue.ts';
import { errorOf } from './receiverLink.ts';
import type { Reply, ReplyNames, Request } from './requestLink.ts';

export const managementReplyNames: ReplyNames = {
  status: 'statusCode',
  description: 'statusDescription',
  condition: 'errorCondition',
};

type Operation = (queue: Queue<WireMessage>, request: Request) => Reply;

const OPERATIONS: Readonly<Record<string, Operation>> = {
  'com.microsoft:renew-lock': renewLock,
  'com.microsoft:peek-message': peekMessage,
  'com.microsoft:schedule-message': scheduleMessage,
  'com.microsoft:cancel-scheduled-message': cancelScheduledMessage,
  'com.microsoft:update-disposition': updateDisposition,
};

const NOT_IMPLEMENTED: Readonly<Record<string, string>> = {
  'com.microsoft:receive-by-sequence-number': 'deferral of messages',
  'com.microsoft:renew-session-lock': 'sessions',
  'com.microsoft:set-session-state': 'sessions',
  'com.microsoft:get-session-state': 'sessions',
  'com.microsoft:get-message-sessions': 'sessions',
  'com.microsoft:add-rule': 'topics and subscriptions',
  'com.microsoft:remove-rule': 'topics and subscriptions',
  'com.microsoft:enumerate-rules': 'topics and subscriptions',
};

/** Type codes of array items. The .NET client accepts arrays of exactly these types. */
const LONG = 0x81;
const TIMESTAMP = 0x83;

/** rhea gives a long that does not fit into a number as bytes. */
const integer = z.union([
  z.number(),
  z.instanceof(Buffer).transform((long) => Number(long.readBigInt64BE())),
]);
const lockTokens = z.array(z.instanceof(Buffer).transform(lockTokenOfUuid));

const renewLockBody = z.object({ 'lock-tokens': lockTokens });
const peekBody = z.object({ 'from-sequence-number': integer, 'message-count': integer });
const scheduleBody = z.object({ messages: z.array(z.object({ message: z.instanceof(Buffer) })) });
const cancelBody = z.object({ 'sequence-numbers': z.array(integer) });
const dispositionBody = z.object({
  'lock-tokens': lockTokens,
  'disposition-status': z.string(),
  'deadletter-reason': z.string().nullish(),
  'deadletter-description': z.string().nullish(),
});

/** Answers a request to a queue's `$management`. */
export function manage(queue: Queue<WireMessage>, request: Request): Reply {
  const operation = OPERATIONS[request.operation];
  if (!operation) {
    return {
      status: 501,
      error: notImplemented(NOT_IMPLEMENTED[request.operation] ?? `'${request.operation}'`),
    };
  }
  try {
    return operation(queue, request);
  } catch (error) {
    return { status: 400, error: error instanceof z.ZodError ? malformed(error) : undecodable(error) };
  }
}

function renewLock(queue: Queue<WireMessage>, { body }: Request): Reply {
  const expirations = renewLockBody.parse(body)['lock-tokens'].map((lockToken) => queue.renewLock(lockToken));
  if (expirations.includes(undefined)) return { status: 410, error: lockLost };
  return { status: 200, body: { expirations: rhea.types.wrap_array(expirations, TIMESTAMP, undefined) } };
}

function peekMessage(queue: Queue<WireMessage>, { body }: Request): Reply {
  const { 'from-sequence-number': from, 'message-count': count } = peekBody.parse(body);
  const messages = queue.peek(from, count);
  if (messages.length === 0) return { status: 204 };
  const encoded = messages.map((stored) => ({ message: rhea.types.wrap_binary(encodePeeked(stored)) }));
  return { status: 200, body: { messages: rhea.types.wrap_list(encoded) } };
}

function scheduleMessage(queue: Queue<WireMessage>, { body }: Request): Reply {
  const messages = scheduleBody.parse(body).messages.map(({ message }) => decodeMessage(message));
  const sequenceNumbers = rhea.types.wrap_array(queue.enqueue(messages), LONG, undefined);
  return { status: 200, body: { 'sequence-numbers': sequenceNumbers } };
}

function cancelScheduledMessage(queue: Queue<WireMessage>, { body }: Request): Reply {
  const outcome = queue.cancelScheduled(cancelBody.parse(body)['sequence-numbers']);
  return outcome === 'cancelled' ? { status: 200 } : { status: 404, error: messageNotFound };
}

/** Settles by lock token. Clients do so when the link of the message is closed. */
function updateDisposition(queue: Queue<WireMessage>, request: Request): Reply {
  const body = dispositionBody.parse(request.body);
  const map = decodeBodyMap(request.bytes).get('properties-to-modify');
  const properties = map ? decodeProperties(map) : NO_PROPERTIES;

  function settle(lockToken: string): Settlement | 'not_allowed' | 'not_implemented' {
    switch (body['disposition-status']) {
      case 'completed':
        return queue.complete(lockToken);
      case 'abandoned':
        return queue.abandon(lockToken, properties);
      case 'suspended': {
        const reason = deadLetterReason(body['deadletter-reason'], body['deadletter-description']);
        return queue.deadLetter(lockToken, withProperties(properties, reason));
      }
      default:
        return 'not_implemented';
    }
  }

  for (const lockToken of body['lock-tokens']) {
    const outcome = settle(lockToken);
    if (outcome === 'not_implemented') return { status: 501, error: notImplemented('deferral of messages') };
    const error = errorOf(outcome);
    if (error) return { status: error === lockLost ? 410 : 400, error };
  }
  return { status: 200 };
}
