import type { ProcessErrorArgs, ServiceBusReceivedMessage } from '@azure/service-bus';
import { expect, test } from 'vitest';
import type { Invoker, Trigger } from '../../../infra/local/host/invocation.ts';
import { receive, type QueueFunction, type Receiver } from '../../../infra/local/host/queueReceiver.ts';
import {
  messageData,
  messageMetadata,
  type RawMessage,
} from '../../../infra/local/host/serviceBusMetadata.ts';
import { createSettlementQueue } from '../../../infra/local/host/settlementQueue.ts';

const target: QueueFunction = {
  registered: { metadata: { name: 'work', bindings: {} }, callback: () => undefined },
  bindingName: 'message',
  queue: 'q',
  connectionString: 'Endpoint=sb://localhost',
  dataType: undefined,
};

function message(
  messageId: string,
  more: Partial<ServiceBusReceivedMessage> = {},
): ServiceBusReceivedMessage {
  return { messageId, body: Buffer.from('{}'), state: 'active', _rawAmqpMessage: {} as never, ...more };
}

/** A receiver whose messages and errors a test sends, and which notes in which turn of the event loop it settles. */
class FakeReceiver implements Receiver {
  readonly settled: string[] = [];
  readonly turns: number[] = [];
  options: unknown;
  refuse = false;
  handlers: Parameters<Receiver['subscribe']>[0] | undefined;
  #turn = 0;

  subscribe: Receiver['subscribe'] = (handlers, options) => {
    this.handlers = handlers;
    this.options = options;
    return { close: () => Promise.resolve() };
  };

  completeMessage(settled: ServiceBusReceivedMessage): Promise<void> {
    return this.#settle('complete', settled);
  }

  abandonMessage(settled: ServiceBusReceivedMessage): Promise<void> {
    return this.#settle('abandon', settled);
  }

  async deliver(...messages: ServiceBusReceivedMessage[]): Promise<void> {
    await Promise.all(messages.map(async (each) => this.handlers?.processMessage(each)));
  }

  async fail(text: string): Promise<void> {
    await this.handlers?.processError({ error: new Error(text) } as ProcessErrorArgs);
  }

  #settle(how: string, { messageId }: ServiceBusReceivedMessage): Promise<void> {
    if (this.refuse) return Promise.reject(new Error('lock lost'));
    this.settled.push(`${how} ${String(messageId)}`);
    this.turns.push(this.#turn);
    setImmediate(() => (this.#turn += 1));
    return Promise.resolve();
  }
}

/** Runs a function that fails for the messages whose id says so. */
const invoker: Pick<Invoker, 'invoke'> = {
  invoke(_, { metadata }: Trigger) {
    const id = metadata['MessageId']?.string ?? '';
    return id.startsWith('bad') ? Promise.reject(new Error(`${id} fails`)) : Promise.resolve(undefined);
  },
};

function start(): { receiver: FakeReceiver; lines: string[] } {
  const receiver = new FakeReceiver();
  const lines: string[] = [];
  receive(receiver, target, 4, invoker as Invoker, (level, line) => lines.push(`${level}: ${line}`));
  return { receiver, lines };
}

test('a function that returns completes its message, one that throws abandons it', async () => {
  const { receiver } = start();
  await receiver.deliver(message('good'), message('bad'));
  expect(receiver.settled.toSorted()).toEqual(['abandon bad', 'complete good']);
});

test('no two messages that end in the same tick are settled in the same turn', async () => {
  const { receiver } = start();
  await receiver.deliver(message('good-1'), message('bad-1'), message('good-2'), message('bad-2'));
  expect(new Set(receiver.turns).size).toBe(4);
});

test('the SDK never settles by itself, and hands over as many messages as host.json says', () => {
  expect(start().receiver.options).toEqual({ autoCompleteMessages: false, maxConcurrentCalls: 4 });
});

test('a settlement that the broker refuses is reported, and stops nothing', async () => {
  const { receiver, lines } = start();
  receiver.refuse = true;
  await receiver.deliver(message('good'));
  expect(lines).toEqual([expect.stringContaining('good of q was not settled')]);
  receiver.refuse = false;
  await receiver.deliver(message('next'));
  expect(receiver.settled).toEqual(['complete next']);
});

test('a settlement that fails does not hold up the next', async () => {
  const settle = createSettlementQueue();
  const first = settle(() => Promise.reject(new Error('refused')));
  const second = settle(() => Promise.resolve('settled'));
  await expect(first).rejects.toThrow('refused');
  await expect(second).resolves.toBe('settled');
});

test('a broker that is away is reported once, and so is its return', async () => {
  const { receiver, lines } = start();
  await receiver.fail('refused');
  await receiver.fail('refused again');
  await receiver.deliver(message('good'));
  await receiver.fail('refused');
  expect(lines.map((line) => line.replace(/ \(.*/, ''))).toEqual([
    'warning: Queue q',
    'information: Queue q',
    'warning: Queue q',
  ]);
});

test('what a function is told of its message has the shape of Azure', () => {
  const time = new Date('2026-11-22T10:00:00.250Z');
  const received = message('123', {
    deliveryCount: 0,
    sequenceNumber: 42 as never,
    lockToken: 'a-b',
    subject: 'label',
    correlationId: 'true',
    expiresAtUtc: time,
    enqueuedTimeUtc: time,
    applicationProperties: { TenantId: 't', count: 1 },
  });
  expect(messageMetadata(received)).toEqual({
    MessageId: { string: '123' },
    LockToken: { string: 'a-b' },
    Subject: { string: 'label' },
    Label: { string: 'label' },
    CorrelationId: { string: 'true' },
    DeliveryCount: { json: '1' },
    SequenceNumber: { json: '42' },
    ExpiresAtUtc: { json: '"2026-11-22T10:00:00.250"' },
    ExpiresAt: { json: '"2026-11-22T10:00:00.250+00:00"' },
    EnqueuedTimeUtc: { json: '"2026-11-22T10:00:00.250"' },
    EnqueuedTime: { json: '"2026-11-22T10:00:00.250+00:00"' },
    ApplicationProperties: { json: '{"TenantId":"t","count":1}' },
    UserProperties: { json: '{"TenantId":"t","count":1}' },
  });
});

test.each<{ body: unknown; dataType?: string; data: unknown; why: string }>([
  { body: Buffer.from('{"a":1}'), data: { string: '{"a":1}' }, why: 'bytes are text' },
  {
    body: Buffer.from('x'),
    dataType: 'binary',
    data: { bytes: Buffer.from('x') },
    why: 'unless the function wants bytes',
  },
  { body: 'text', data: { string: 'text' }, why: 'an AMQP text is one' },
  { body: { a: 1 }, data: { string: '{"a":1}' }, why: 'any other AMQP value is JSON' },
])('$why', ({ body, dataType, data }) => {
  expect(messageData({ body } as RawMessage, dataType)).toEqual(data);
});
