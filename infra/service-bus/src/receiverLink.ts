import { randomUUID } from 'node:crypto';
import type { Delivery, EventContext, Sender } from 'rhea';
import { type AmqpError, lockLost, notAllowed, notImplemented, undecodable } from './amqpErrors.ts';
import type { Consumer } from './consumers.ts';
import { lockTokenOfTag, tagOf } from './lockToken.ts';
import { NO_PROPERTIES } from './message.ts';
import { decodeProperties, encodeDelivery, type WireMessage } from './messageCodec.ts';
import type { Queue, Settlement } from './queue.ts';
import { afterAttach, confirmAttach, LinkCredit, outcomeOf, settle } from './rheaCorners.ts';

/** The broker's end of a client's receiver. */
export interface ReceiverLink {
  /** Delivers again after the client had no capacity. */
  resume(): void;
  close(): void;
}

/** Delivers messages to a client's receiver within its credit, and settles them as the client asks. */
export function openReceiverLink(link: Sender, queue: Queue<WireMessage>): ReceiverLink {
  const receiveAndDelete = link.snd_settle_mode === 1;
  confirmAttach(link);

  const credit = new LinkCredit(link);
  let answered = false;
  const consumer: Consumer<WireMessage> = {
    receiveAndDelete,
    capacity: () => (answered ? credit.available() : 0),
    deliver: (stored) => {
      credit.send(tagOf(stored.lock?.token ?? randomUUID()), encodeDelivery(stored), receiveAndDelete);
    },
  };

  const resume = (): void => {
    queue.dispatch();
  };
  link.on('sender_flow', () => {
    resume();
    credit.answerDrain();
  });
  // The buffer of unsettled deliveries has space again.
  link.on('sendable', resume);
  for (const outcome of ['accepted', 'rejected', 'modified', 'released'] as const) {
    link.on(outcome, ({ delivery }: EventContext) => {
      if (delivery && !delivery.settled) settle(delivery, answerTo(outcome, delivery, queue));
    });
  }
  queue.attach(consumer);
  afterAttach(() => {
    answered = true;
    resume();
  });
  return {
    resume,
    close: () => {
      queue.detach(consumer);
    },
  };
}

type OutcomeName = 'accepted' | 'rejected' | 'modified' | 'released';

/** Settles by the client's outcome. Returns the error for the client when that is not possible. */
function answerTo(name: OutcomeName, delivery: Delivery, queue: Queue<WireMessage>): AmqpError | undefined {
  try {
    return obey(name, delivery, queue);
  } catch (error) {
    return undecodable(error);
  }
}

function obey(name: OutcomeName, delivery: Delivery, queue: Queue<WireMessage>): AmqpError | undefined {
  const lockToken = lockTokenOfTag(delivery.tag as Buffer);
  const outcome = outcomeOf(delivery);
  const properties = outcome.map && decodeProperties(outcome.map);
  switch (name) {
    case 'accepted':
      return errorOf(queue.complete(lockToken));
    case 'released':
      return errorOf(queue.release(lockToken));
    case 'rejected':
      return errorOf(queue.deadLetter(lockToken, properties ?? NO_PROPERTIES));
    case 'modified':
      if (outcome.undeliverableHere) return notImplemented('deferral of messages');
      return errorOf(queue.abandon(lockToken, properties));
  }
}

export function errorOf(settlement: Settlement | 'not_allowed'): AmqpError | undefined {
  switch (settlement) {
    case 'settled':
      return undefined;
    case 'lock_lost':
      return lockLost;
    case 'not_allowed':
      return notAllowed('A message of a dead-letter queue cannot be dead-lettered.');
  }
}
