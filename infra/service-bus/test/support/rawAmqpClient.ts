import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Connection, Session } from 'rhea';
import rhea from 'rhea';
import type { Typed } from './amqp.ts';
import { RawReceiver, RawRequests, RawSender } from './rawAmqpLinks.ts';

interface AttachOptions {
  readonly name?: string;
  readonly snd_settle_mode?: 0 | 1;
  readonly rcv_settle_mode?: 0 | 1;
  readonly session?: Session;
  readonly properties?: object;
}

/**
 * An AMQP client that does what it is told, by default in the manner of the .NET client: a SASL mechanism of Service
 * Bus's own, one session for each link, addresses with a leading slash, bytes instead of decoded messages.
 */
export class RawClient {
  readonly connection: Connection;
  /** Resolves when either side closed the socket. */
  readonly ended: Promise<unknown>;

  /** Messages that a session can hold unsettled. */
  readonly #window: number;

  private constructor(connection: Connection, window: number) {
    this.connection = connection;
    this.#window = window;
    this.ended = once(this.socket, 'close');
  }

  static async connect(
    port: number,
    { mechanism = 'MSSBCBS', window = 2048 }: { mechanism?: string; window?: number } = {},
  ): Promise<RawClient> {
    const container = rhea.create_container();
    for (const event of ['error', 'protocol_error', 'connection_error', 'session_error', 'disconnected']) {
      container.on(event, () => undefined);
    }
    const connection = container.connect({
      host: '127.0.0.1',
      port,
      reconnect: false,
      container_id: `local-${randomUUID()}`,
      max_frame_size: 65_536,
      channel_max: 8191,
      idle_time_out: 30_000,
      sasl_mechanisms: { [mechanism]: () => anonymous },
    } as Parameters<typeof container.connect>[0]);
    const failed = once(connection, 'connection_error').then(() => {
      throw new Error('the broker refused the connection');
    });
    await Promise.race([once(connection, 'connection_open'), failed]);
    return new RawClient(connection, window);
  }

  openSession(): Session {
    const { connection } = this;
    const session = (connection as unknown as Sessions).create_session({ incoming: this.#window });
    const inner = session as unknown as { on_transfer(frame: TransferFrame): void };
    const onTransfer = inner.on_transfer.bind(session);
    // rhea hands over the bytes of any format but 0.
    inner.on_transfer = (frame) => {
      frame.performative.message_format = 1;
      onTransfer(frame);
    };
    session.begin();
    return session;
  }

  attachReceiver(
    address: string,
    options: AttachOptions & { target?: string; filter?: object } = {},
  ): RawReceiver {
    const { session = this.openSession(), target = randomUUID(), filter, ...rest } = options;
    const source = { address, ...(filter && { filter }) };
    const settings = { credit_window: 0, autoaccept: false, rcv_settle_mode: 1, ...rest, source, target };
    return new RawReceiver(session.open_receiver(settings));
  }

  attachSender(address: string, options: AttachOptions & { target?: Typed } = {}): RawSender {
    const { session = this.openSession(), ...rest } = options;
    const settings = { autosettle: true, treat_modified_as_released: false, target: { address }, ...rest };
    return new RawSender(session.open_sender(settings));
  }

  /** Opens a request link to an address: both halves in one session, replies by the receiver's target address. */
  async openRequests(address: string): Promise<RawRequests> {
    const session = this.openSession();
    const replyTo = randomBytes(16).toString('hex');
    const receiver = this.attachReceiver(address, {
      session,
      target: replyTo,
      name: `duplex:${randomUUID()}:receiver`,
      snd_settle_mode: 1,
      rcv_settle_mode: 0,
    });
    receiver.credit(50);
    const sender = this.attachSender(address, { session, snd_settle_mode: 1 });
    await Promise.all([receiver.opened, sender.opened]);
    return new RawRequests(sender, receiver, replyTo);
  }

  async close(): Promise<void> {
    this.connection.close();
    await this.ended;
  }

  get socket(): Socket {
    return (this.connection as unknown as { socket: Socket }).socket;
  }
}

interface Sessions {
  create_session(bufferSize: { incoming: number }): Session;
}

interface TransferFrame {
  readonly performative: { message_format: number };
}

const anonymous = {
  start(answer: (error: undefined, response: string) => void): void {
    answer(undefined, '');
  },
};
