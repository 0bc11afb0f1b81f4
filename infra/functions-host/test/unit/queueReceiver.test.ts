import type { ProcessErrorArgs, ServiceBusReceivedMessage } from '@azure/service-bus';
import { expect, test } from 'vitest';
import type { Invoker, Trigger } from '../../src/invocation.ts';
import {
  createOutageReport,
  createSettlementQueue,
  type QueueFunction,
  receive,
  type Receiver,
} from '../../src/queueReceiver.ts';
import { messageData, messageMetadata } from '../../src/serviceBusMetadata.ts';

const trigger = { type: 'serviceBusTrigger', direction: 'in' } as const;
const target: QueueFunction = {
  metadata: { name: 'work', bindings: { trigger } },
  callback: () => undefined,
  name: 'work',
  bindingName: 'trigger',
  trigger,
  queue: 'q',
  connection: { connectionString: 'Endpoint=sb://localhost' },
};

function message(
  messageId: string,
  more: Partial<ServiceBusReceivedMessage> = {},
): ServiceBusReceivedMessage {
  return { messageId, body: Buffer.from('{}'), state: 'active', _rawAmqpMessage: {} as never, ...more };
}

/** A receiver whose messages and errors a test sends, and which notes what it settles. */
class FakeReceiver implements Receiver {
  readonly settled: string[] = [];
  /** The settlements that the SDK's AMQP library would write together: those that begin in one turn. */
  readonly frames: string[][] = [];
  options: unknown;
  refuse = false;
  /** What each settlement waits for. */
  gate: Promise<undefined> | undefined;
  handlers: Parameters<Receiver['subscribe']>[0] | undefined;
  #open: string[] | undefined;

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

  async fail(
    text: string,
    { code, errorSource = 'receive' }: { code?: string; errorSource?: string } = {},
  ): Promise<void> {
    const error = Object.assign(new Error(text), code && { code });
    await this.handlers?.processError({ error, errorSource } as ProcessErrorArgs);
  }

  async #settle(how: string, { messageId }: ServiceBusReceivedMessage): Promise<void> {
    await this.gate;
    if (this.refuse) throw new Error('lock lost');
    this.settled.push(`${how} ${String(messageId)}`);
    if (this.#open === undefined) {
      this.frames.push((this.#open = []));
      process.nextTick(() => (this.#open = undefined));
    }
    this.#open.push(`${how} ${String(messageId)}`);
  }
}

/** Runs a function that fails for the messages whose id says so. */
const invoker: Pick<Invoker, 'invoke'> = {
  invoke(_, { metadata }: Trigger) {
    const id = metadata['MessageId']?.string ?? '';
    return id.startsWith('bad') ? Promise.reject(new Error(`${id} fails`)) : Promise.resolve(undefined);
  },
};

function start(): { receiver: FakeReceiver; lines: string[]; stop: () => Promise<void> } {
  const receiver = new FakeReceiver();
  const lines: string[] = [];
  const log = (level: string, line: string) => void lines.push(`${level}: ${line}`);
  const outages = createOutageReport('broker', log);
  const context = { maxConcurrentCalls: 4, invoker: invoker as Invoker, outages, log };
  return { ...receive(receiver, target, context), receiver, lines };
}

test('a function that returns completes its message, one that throws abandons it', async () => {
  const { receiver } = start();
  await receiver.deliver(message('good'), message('bad'));
  expect(receiver.settled.toSorted()).toEqual(['abandon bad', 'complete good']);
});

test('no two messages that end in the same tick are settled together', async () => {
  const { receiver } = start();
  await receiver.deliver(message('good-1'), message('bad-1'), message('good-2'), message('bad-2'));
  expect(receiver.frames.toSorted()).toEqual([
    ['abandon bad-1'],
    ['abandon bad-2'],
    ['complete good-1'],
    ['complete good-2'],
  ]);
});

test('the SDK never settles by itself, and hands over as many messages as host.json says', () => {
  expect(start().receiver.options).toEqual({ autoCompleteMessages: false, maxConcurrentCalls: 4 });
});

test('a settlement that the broker refuses is reported, and stops nothing', async () => {
  const { receiver, lines } = start();
  receiver.refuse = true;
  await receiver.deliver(message('good'));
  expect(lines).toEqual([expect.stringContaining('good of q (function work) was not settled')]);
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
  expect(lines).toEqual([
    'warning: Service Bus broker is not reachable, trying on: refused',
    'information: Service Bus broker is reachable again',
    'warning: Service Bus broker is not reachable, trying on: refused',
  ]);
});

test('what else goes wrong is reported by queue, and not again with each try', async () => {
  const { receiver, lines } = start();
  await receiver.fail('no such queue', { code: 'MessagingEntityNotFound' });
  await receiver.fail('no such queue', { code: 'MessagingEntityNotFound' });
  await receiver.fail('lock lost', { errorSource: 'renewLock' });
  expect(lines).toEqual([
    'warning: Queue q (function work): no such queue',
    'warning: Queue q (function work): lock lost',
  ]);
});

test('a receiver has stopped when the messages it has taken are settled', async () => {
  const gate = Promise.withResolvers<undefined>();
  const { receiver, stop } = start();
  receiver.gate = gate.promise;
  void receiver.deliver(message('good'));
  const stopped = stop().then(() => [...receiver.settled]);
  gate.resolve(undefined);
  expect(await stopped).toEqual(['complete good']);
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
  expect(messageData({ body }, dataType)).toEqual(data);
});
