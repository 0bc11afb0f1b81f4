/**
 * All uses of rhea's internals, each with the fault that it works around. They are valid for rhea 3.0.5, which package.json
 * pins. `test/contract/rheaCorners.test.ts` tests each of them. Everything is set on single objects, because the Azure SDK
 * in the same process shares rhea's prototypes.
 */
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type { Connection, Container, Delivery, Receiver, Sender, Session } from 'rhea';
import rhea from 'rhea';
import type { AmqpError } from './amqpErrors.ts';

interface Composite {
  described(): unknown;
}

interface SessionInside {
  readonly outgoing: {
    readonly deliveries: {
      readonly entries: readonly ({ readonly id: number } | undefined)[];
      readonly head: number;
      readonly size: number;
      readonly capacity: number;
      by_id(id: number): unknown;
    };
    readonly next_delivery_id: number;
    readonly next_pending_delivery: number;
    available(): number;
    transfer_window(): number;
  };
  on_transfer(frame: { readonly performative: { message_format: number | undefined } }): void;
  on_flow(frame: { readonly performative: { readonly handle?: number | null } }): void;
  output(frame: Composite): void;
}

interface LinkInside {
  readonly local: { readonly attach: Record<string, unknown> };
  credit: number;
  delivery_count: number;
  issue_flow: boolean;
  _draining: boolean;
  _get_drain?: () => boolean;
  _process?: () => void;
}

interface ConnectionInside {
  readonly socket: Socket;
  _register(): void;
  _write_frame(): void;
  _disconnected(): void;
}

interface DeliveryInside {
  settled: boolean;
  remote_settled: boolean;
}

const inside = {
  session: (session: Session) => session as unknown as SessionInside,
  link: (link: Sender | Receiver) => link as unknown as LinkInside,
  connection: (connection: Connection) => connection as unknown as ConnectionInside,
  delivery: (delivery: Delivery) => delivery as unknown as DeliveryInside,
};

const outcomes = rhea.message as unknown as {
  accepted(): Composite;
  rejected(fields: { error: AmqpError }): Composite;
};
const frames = createRequire(import.meta.url)('rhea/lib/frames.js') as {
  disposition(fields: Record<string, unknown>): Composite;
};
const types = rhea.types as unknown as {
  readonly Writer: new () => { write(typed: unknown): void; toBuffer(): Buffer };
};
const ACCEPTED = outcomes.accepted().described();

/**
 * Unsettled deliveries that a session can hold. rhea frees them in order only, so one slow message stops its receiver after
 * this many others. rhea's own limit of 2048 is reached soon.
 */
export const OUTGOING_DELIVERIES = 10_000;
const MAX_FRAME_SIZE = 65_536;

export const listenOptions = {
  max_frame_size: MAX_FRAME_SIZE,
  session_buffer_size: { outgoing: OUTGOING_DELIVERIES },
};

/** Creates the broker's own container: the SDK uses the default one. `report` gets errors that end a connection. */
export function createContainer(report: (problem: Error) => void): Container {
  const container = rhea.create_container({
    // The client delays acknowledgements. With Nagle's algorithm the broker would wait for them, 40 ms for each message.
    tcp_no_delay: true,
    sender_options: { treat_modified_as_released: false },
    receiver_options: { autoaccept: false, credit_window: 0 },
  });
  const mechanisms = container.sasl_server_mechanisms as Record<string, unknown> & {
    enable_anonymous(): void;
  };
  mechanisms.enable_anonymous();
  // The name by which the .NET client asks for the anonymous mechanism.
  mechanisms['MSSBCBS'] = mechanisms['ANONYMOUS'];
  // rhea throws events without a listener, or writes them to the console. Clients that fail or vanish are expected.
  const expected = ['connection_error', 'session_error', 'sender_error', 'receiver_error', 'disconnected'];
  for (const event of expected) container.on(event, () => undefined);
  for (const event of ['error', 'protocol_error']) container.on(event, report);
  // rhea notices the end of a peer only by `end` and `error`. Without this, a socket that closes would keep its receivers.
  container.on('connection_open', ({ connection }: { connection: Connection }) => {
    const inner = inside.connection(connection);
    inner.socket.once('close', () => {
      inner._disconnected();
    });
  });
  return container;
}

/** Must be called for each session that a client begins. `onWindow` is called when the client can take more transfers. */
export function prepareSession(session: Session, onWindow: () => void): void {
  const inner = inside.session(session);
  const connection = inside.connection(session.connection);
  const onTransfer = inner.on_transfer.bind(session);
  const onFlow = inner.on_flow.bind(session);

  // rhea decodes messages of format 0 and drops their bytes. In any other format it passes the bytes on.
  inner.on_transfer = (frame) => {
    frame.performative.message_format = (frame.performative.message_format ?? 0) + RAW;
    onTransfer(frame);
  };

  inner.on_flow = (frame) => {
    onFlow(frame);
    // A flow without an answer gets a delayed acknowledgement. That delays the client's next frame, because the JavaScript
    // client uses Nagle's algorithm. An empty frame carries the acknowledgement at once.
    connection._write_frame();
    if (frame.performative.handle === undefined || frame.performative.handle === null) onWindow();
  };

  // For an id before its oldest delivery, rhea finds a younger delivery in the slot of one that was settled.
  const { deliveries } = inner.outgoing;
  deliveries.by_id = (id) => {
    const gap = id - (deliveries.entries[deliveries.head]?.id ?? id);
    return gap >= 0 && gap < deliveries.size
      ? deliveries.entries[(deliveries.head + gap) % deliveries.capacity]
      : undefined;
  };
}

/** Added to the format of each transfer, so that rhea does not decode it. Formats are a uint. Azure's is 0x80013700. */
const RAW = 1;

/** The bytes of a received transfer, and the message format that its sender gave it. */
export function rawMessage(message: unknown, delivery: Delivery): { bytes: Buffer; format: number } {
  return { bytes: message as Buffer, format: delivery.format - RAW };
}

/**
 * The credit of one of a client's receivers. rhea counts a message when it writes it, at the end of the tick, so this class
 * counts sent messages itself. A message beyond the credit would block all others of its session.
 */
export class LinkCredit {
  readonly #link: Sender;
  #used = 0;

  constructor(link: Sender) {
    this.#link = link;
  }

  /** Returns how many messages the client can take now, by its credit, its session's window and rhea's buffer. */
  available(): number {
    const { outgoing } = inside.session(this.#link.session);
    const unwritten = outgoing.next_delivery_id - outgoing.next_pending_delivery;
    return Math.min(
      this.#granted() - this.#used,
      outgoing.transfer_window() - unwritten,
      outgoing.available(),
    );
  }

  send(tag: Buffer, bytes: Buffer, settled: boolean): void {
    this.#used += 1;
    const delivery = this.#link.send(bytes, tag, 0);
    inside.delivery(delivery).settled = settled;
  }

  /** Answers a pending drain. rhea answers only while credit is left, and without an answer the SDK closes the link. */
  answerDrain(): void {
    const link = inside.link(this.#link);
    if (!link._draining) return;
    this.#used = this.#granted();
    link._get_drain = () => {
      delete link._get_drain;
      link.delivery_count += link.credit;
      link.credit = 0;
      link._draining = false;
      return true;
    };
    link.issue_flow = true;
    inside.connection(this.#link.connection)._register();
  }

  /** Does not change when rhea writes a message: that moves one from the first term to the second. */
  #granted(): number {
    const { credit, delivery_count } = inside.link(this.#link);
    return credit + delivery_count;
  }
}

export function sendSettled(link: Sender, message: object): void {
  const delivery = link.send(message as never);
  inside.delivery(delivery).settled = true;
}

/** Settles a delivery of either direction: accepts it, or rejects it with an error. */
export function settle(delivery: Delivery, error?: AmqpError): void {
  const inner = inside.delivery(delivery);
  const answered = inner.remote_settled;
  if (!error) {
    delivery.update(true, ACCEPTED);
  } else {
    // rhea gives the second of two neighbours the outcome of the first. So a rejection is written by itself.
    inner.settled = true;
    if (!answered) writeRejection(delivery, error);
    inside.connection(delivery.link.connection)._register();
  }
  // rhea would keep the slot until the client answers, and the client does not answer a settlement.
  inner.remote_settled = true;
}

/** Reads a client's disposition. The map stays in the client's encoding, because rhea's decoding loses types. */
export function outcomeOf(delivery: Delivery): { undeliverableHere: boolean; map: Buffer | undefined } {
  const { value, undeliverable_here } = delivery.remote_state as ReceivedOutcome;
  // modified: [delivery-failed, undeliverable-here, message-annotations]; rejected: [[condition, description, info]]
  const fields = Array.isArray(value[0]?.value) ? value[0].value : value;
  const map = fields[2];
  return {
    undeliverableHere: undeliverable_here === true,
    map: map && isMap(map) ? encodeTyped(map) : undefined,
  };
}

interface ReceivedOutcome {
  readonly value: readonly (ReceivedField | undefined)[];
  readonly undeliverable_here?: boolean;
}

interface ReceivedField {
  readonly value: boolean | string | null | (ReceivedField | undefined)[];
}

function isMap(field: ReceivedField): boolean {
  return Array.isArray(field.value);
}

function encodeTyped(field: ReceivedField): Buffer {
  const writer = new types.Writer();
  writer.write(field);
  return writer.toBuffer();
}

function writeRejection(delivery: Delivery, error: AmqpError): void {
  const { link, id } = delivery;
  const state = outcomes.rejected({ error }).described();
  const fields = { role: link.is_receiver(), first: id, last: id, settled: true, state };
  inside.session(link.session).output(frames.disposition(fields));
}

/** Returns the address of a link's source or target, or `undefined` when the client gave none. */
export function addressOf(terminus: { readonly address?: string } | null): string | undefined {
  return terminus?.address;
}

/** Answers an attach with the client's addresses and settle modes, and with more `fields`. */
export function confirmAttach(link: Sender | Receiver, fields: Readonly<Record<string, unknown>> = {}): void {
  const { snd_settle_mode, rcv_settle_mode } = link;
  link.set_source({ address: addressOf(link.source) ?? '' });
  link.set_target({ address: addressOf(link.target) ?? '' });
  Object.assign(inside.link(link).local.attach, { snd_settle_mode, rcv_settle_mode, ...fields });
}

/**
 * Runs `then` after the answer to the current attach is written. rhea writes the messages of a tick before its attaches, so
 * a client that gave credit with its attach would get messages of a link that it does not know yet.
 */
export function afterAttach(then: () => void): void {
  process.nextTick(then);
}

/** Delays the answer to an attach until the returned function is called. rhea would send it in the next tick. */
export function holdAttach(link: Sender | Receiver): () => void {
  const inner = inside.link(link);
  inner._process = () => undefined;
  return () => {
    delete inner._process;
    inside.connection(link.connection)._register();
  };
}
