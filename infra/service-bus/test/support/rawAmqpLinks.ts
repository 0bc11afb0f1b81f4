import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import type { Delivery, Receiver, Sender } from 'rhea';
import {
  type DecodedMessage,
  message,
  type Outcome,
  type Typed,
  typedEntries,
  typedSections,
} from './amqp.ts';

const frames = createRequire(import.meta.url)('rhea/lib/frames.js') as {
  disposition(fields: object): object;
};

const BODY = 0x77;
const APPLICATION_PROPERTIES = 0x74;

interface LinkEvent {
  readonly delivery: Delivery;
  readonly message: Buffer;
}

export interface LinkError {
  readonly condition: string;
  readonly description: string;
}

/** What a broker said of a delivery. */
export interface Answer {
  readonly outcome: string | undefined;
  readonly error: LinkError | undefined;
}

export interface Received {
  readonly delivery: Delivery;
  readonly bytes: Buffer;
  readonly message: DecodedMessage;
}

export interface RawReply {
  readonly message: DecodedMessage;
  /** With their AMQP types. */
  readonly properties: ReadonlyMap<string, Typed>;
  readonly body: ReadonlyMap<string, Typed>;
}

/** The broker's answers to the deliveries of a link. */
class Answers {
  readonly #waiting = new Map<Delivery, (answer: Answer) => void>();

  constructor(link: Receiver | Sender) {
    link.on('settled', ({ delivery }: LinkEvent) => {
      this.#waiting.get(delivery)?.(answerIn(delivery));
      this.#waiting.delete(delivery);
    });
  }

  to(delivery: Delivery): Promise<Answer> {
    return new Promise((resolve) => this.#waiting.set(delivery, resolve));
  }
}

export class RawReceiver {
  readonly link: Receiver;
  readonly opened: Promise<unknown>;
  /** Why the broker has closed the link. */
  readonly closed: Promise<LinkError>;
  readonly #received: Received[] = [];
  readonly #answers: Answers;

  constructor(link: Receiver) {
    this.link = link;
    this.#answers = new Answers(link);
    this.opened = once(link, 'receiver_open');
    this.closed = closed(link, 'receiver');
    link.on('message', ({ message: bytes, delivery }: LinkEvent) => {
      this.#received.push({ delivery, bytes, message: message.decode(bytes) });
    });
  }

  credit(count: number): void {
    this.link.add_credit(count);
  }

  /** Resolves when the broker has answered that the credit is used up. */
  async drain(): Promise<void> {
    const drained = once(this.link, 'receiver_drained');
    this.link.drain_credit();
    await drained;
    this.link.drain = false;
  }

  /** How many messages have come that nobody has taken. */
  get waiting(): number {
    return this.#received.length;
  }

  async next(): Promise<Received> {
    for (;;) {
      const received = this.#received.shift();
      if (received) return received;
      await once(this.link, 'message');
    }
  }

  async take(count: number): Promise<Received[]> {
    const taken: Received[] = [];
    while (taken.length < count) taken.push(await this.next());
    return taken;
  }

  /** Sends the outcome in a frame of its own, unsettled, and resolves with what the broker answers. */
  settle({ delivery }: Received, outcome: Outcome): Promise<Answer> {
    const answer = this.answerTo(delivery);
    this.dispose({ first: delivery.id, last: delivery.id, settled: false, state: outcome.described() });
    return answer;
  }

  /** Writes a disposition frame as it is. */
  dispose(fields: { first: number; last: number; settled: boolean; state?: Typed }): void {
    const session = this.link.session as unknown as { output(frame: object): void };
    session.output(frames.disposition({ role: true, ...fields }));
  }

  /** To be called before the broker can answer. */
  answerTo(delivery: Delivery): Promise<Answer> {
    return this.#answers.to(delivery);
  }
}

export class RawSender {
  readonly link: Sender;
  readonly opened: Promise<unknown>;
  readonly closed: Promise<LinkError>;
  readonly #answers: Answers;

  constructor(link: Sender) {
    this.link = link;
    this.#answers = new Answers(link);
    this.opened = once(link, 'sender_open');
    this.closed = closed(link, 'sender');
  }

  /** Sends bytes as they are, and resolves with what the broker answers. */
  async send(bytes: Buffer, format = 0): Promise<Answer> {
    await this.sendable();
    return this.#answers.to(this.link.send(bytes, randomBytes(4), format));
  }

  async sendable(): Promise<void> {
    await this.opened;
    if (!this.link.sendable()) await once(this.link, 'sendable');
  }
}

export class RawRequests {
  readonly #sender: RawSender;
  readonly #receiver: RawReceiver;
  readonly #replyTo: string;

  constructor(sender: RawSender, receiver: RawReceiver, replyTo: string) {
    this.#sender = sender;
    this.#receiver = receiver;
    this.#replyTo = replyTo;
  }

  async request(applicationProperties: object, body: unknown): Promise<RawReply> {
    await this.#sender.sendable();
    const bytes = message.encode({
      message_id: randomUUID(),
      reply_to: this.#replyTo,
      application_properties: applicationProperties,
      body,
    });
    this.#sender.link.send(bytes, Buffer.alloc(0), 0);
    const reply = await this.#receiver.next();
    const sections = typedSections(reply.bytes);
    return {
      message: reply.message,
      properties: new Map(typedEntries(sections.get(APPLICATION_PROPERTIES))),
      body: new Map(typedEntries(sections.get(BODY))),
    };
  }
}

async function closed(link: Receiver | Sender, kind: 'receiver' | 'sender'): Promise<LinkError> {
  await once(link, `${kind}_close`);
  return link.error as unknown as LinkError;
}

function answerIn(delivery: Delivery): Answer {
  const state = delivery.remote_state as
    { error?: LinkError; constructor: { composite_type?: string } } | undefined;
  return { outcome: state?.constructor.composite_type, error: state?.error };
}
