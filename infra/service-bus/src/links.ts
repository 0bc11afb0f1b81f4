import type { Connection, Container, Receiver, Sender, Session } from 'rhea';
import { parseAddress } from './address.ts';
import { type AmqpError, notAllowed, notFound, notImplemented } from './amqpErrors.ts';
import type { Clock } from './clock.ts';
import { manage, managementReplyNames } from './management.ts';
import type { WireMessage } from './messageCodec.ts';
import type { Queue } from './queue.ts';
import { openReceiverLink, type ReceiverLink } from './receiverLink.ts';
import { openReplyLink, openRequestLink, type ReplyNames } from './requestLink.ts';
import { addressOf, holdAttach, prepareSession } from './rheaCorners.ts';
import { openSenderLink } from './senderLink.ts';

type FindQueue = (name: string) => Queue<WireMessage> | undefined;

export interface LinkDeps {
  readonly findQueue: FindQueue;
  readonly clock: Clock;
  /** Gets features that a client wanted and the broker does not have. Some SDKs do not show the error to their user. */
  readonly report: (line: string) => void;
}

/** The target of a link, found by its address. */
type Node =
  | { readonly kind: 'cbs' }
  | { readonly kind: 'queue' | 'management'; readonly queue: Queue<WireMessage> }
  | { readonly kind: 'refused'; readonly error: AmqpError };

/** The .NET client retries at once after "not found", so this answer is delayed. */
const NOT_FOUND_DELAY_MS = 1000;
/** The names in replies of `$cbs`, which has its own spelling. */
const CBS_REPLY_NAMES: ReplyNames = {
  status: 'status-code',
  description: 'status-description',
  condition: 'error-condition',
};
const SESSION_FILTER = 'com.microsoft:session-filter';

/**
 * Answers every link that a client attaches. rhea names a link by the broker's end: a `sender` serves the receiver of a
 * client, a `receiver` serves the sender of a client.
 */
export function serveLinks(container: Container, { findQueue, clock, report }: LinkDeps): void {
  const receiverLinks = new Map<Sender, ReceiverLink>();

  /** Answers the attach without the source or target, and closes the link with the reason. */
  function refuse(link: Sender | Receiver, error: AmqpError): void {
    if (error.condition === 'amqp:not-implemented') report(error.description);
    const release = holdAttach(link);
    clock.after(error.condition === 'amqp:not-found' ? NOT_FOUND_DELAY_MS : 0, () => {
      link.close(error);
      release();
    });
  }

  container.on('session_open', ({ session }: { session: Session }) => {
    prepareSession(session, () => {
      for (const [link, receiverLink] of receiverLinks) if (link.session === session) receiverLink.resume();
    });
  });

  container.on('receiver_open', ({ receiver: link }: { receiver: Receiver }) => {
    const node = findNode(addressOf(link.target), findQueue);
    switch (node.kind) {
      case 'cbs':
        // Any token is accepted: the broker serves this machine only and checks no credentials.
        openRequestLink(link, CBS_REPLY_NAMES, () => ({ status: 202 }));
        break;
      case 'management':
        openRequestLink(link, managementReplyNames, (request) => manage(node.queue, request));
        break;
      case 'queue':
        if (node.queue.deadLetters) openSenderLink(link, node.queue);
        else refuse(link, notAllowed('Nothing can be sent to a dead-letter queue.'));
        break;
      case 'refused':
        refuse(link, node.error);
        break;
    }
  });

  container.on('sender_open', ({ sender: link }: { sender: Sender }) => {
    const node = findNode(addressOf(link.source), findQueue);
    switch (node.kind) {
      case 'cbs':
      case 'management':
        openReplyLink(link);
        break;
      case 'queue':
        if (SESSION_FILTER in (link.source.filter ?? {})) refuse(link, notImplemented('sessions'));
        else receiverLinks.set(link, openReceiverLink(link, node.queue));
        break;
      case 'refused':
        refuse(link, node.error);
        break;
    }
  });

  function closeReceiverLinks(ofGone: (link: Sender) => boolean): void {
    for (const [link, receiverLink] of receiverLinks) {
      if (!ofGone(link)) continue;
      receiverLinks.delete(link);
      receiverLink.close();
    }
  }
  container.on('sender_close', ({ sender }: { sender: Sender }) => {
    closeReceiverLinks((link) => link === sender);
  });
  container.on('session_close', ({ session }: { session: Session }) => {
    closeReceiverLinks((link) => link.session === session);
  });
  for (const event of ['connection_close', 'disconnected']) {
    container.on(event, ({ connection }: { connection: Connection }) => {
      closeReceiverLinks((link) => link.connection === connection);
    });
  }
}

function findNode(rawAddress: string | undefined, findQueue: FindQueue): Node {
  // rhea shows a transaction coordinator as a missing address.
  if (rawAddress === undefined) return { kind: 'refused', error: notImplemented('transactions') };
  const address = parseAddress(rawAddress);
  if (address.kind === 'cbs') return address;
  if (address.kind === 'unsupported') return { kind: 'refused', error: notImplemented(address.feature) };
  const named = findQueue(address.queue);
  const queue = address.deadLetters ? named?.deadLetters : named;
  return queue ? { kind: address.kind, queue } : { kind: 'refused', error: notFound(rawAddress) };
}
