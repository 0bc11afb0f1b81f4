import { afterEach, beforeEach } from 'vitest';
import { type Broker, startBroker } from '../../src/broker.ts';
import { message } from './amqp.ts';
import { RawClient } from './rawAmqpClient.ts';
import type { RawReceiver } from './rawAmqpLinks.ts';

/** A broker with one queue, `orders`, and a raw AMQP client of it: new ones for each test. */
export interface RawQueue {
  readonly broker: Broker;
  readonly client: RawClient;
  /** What the broker has reported. */
  readonly reports: readonly string[];
  send(...ids: string[]): Promise<void>;
  /** A receiver with credit for `count` messages. */
  receive(count: number, address?: string): Promise<RawReceiver>;
  /** The ids of what the queue, or its dead-letter queue, holds. */
  held(which?: 'live' | 'dead'): string[];
}

export function useRawQueue(): RawQueue {
  let broker: Broker;
  let client: RawClient;
  const reports: string[] = [];
  beforeEach(async () => {
    const settings = {
      lockDurationSeconds: 30,
      maxDeliveryCount: 3,
      duplicateDetectionWindowSeconds: 60,
      defaultTimeToLiveSeconds: 3600,
    };
    reports.length = 0;
    broker = await startBroker({
      port: 0,
      queues: { orders: settings },
      report: (line) => reports.push(line),
    });
    client = await RawClient.connect(broker.port);
  });
  afterEach(async () => {
    await client.close();
    await broker.stop();
  });
  return {
    get broker() {
      return broker;
    },
    reports,
    get client() {
      return client;
    },
    async send(...ids) {
      const sender = client.attachSender('/orders');
      for (const id of ids) await sender.send(encodeOrder(id));
    },
    async receive(count, address = '/orders') {
      const receiver = client.attachReceiver(address);
      await receiver.opened;
      receiver.credit(count);
      return receiver;
    },
    held(which = 'live') {
      const live = broker.queue('orders');
      const queue = which === 'live' ? live : live.deadLetters;
      return queue?.peek(0, 100_000).map((stored) => stored.message.messageId) ?? [];
    },
  };
}

export function encodeOrder(id: string, more: object = {}): Buffer {
  return message.encode({ message_id: id, body: id, ...more });
}
