import {
  ServiceBusClient,
  type ServiceBusReceivedMessage,
  type ServiceBusReceiver,
  type ServiceBusSender,
} from '@azure/service-bus';
import type { QueueSettings } from '../../../src/queue.ts';

/** Something that speaks Service Bus: the local broker, or Azure. */
export interface Namespace {
  /** The shortest lock it can give. */
  readonly lockSeconds: number;
  createQueue(settings: QueueSettings): Promise<{ readonly connectionString: string; readonly name: string }>;
  /** Ends everything it has created. */
  close(): Promise<void>;
}

/** A queue and the SDK's means to use it. */
export interface TestQueue {
  readonly sender: ServiceBusSender;
  readonly receiver: ServiceBusReceiver;
  readonly deadLetters: ServiceBusReceiver;
  readonly another: (mode?: 'peekLock' | 'receiveAndDelete') => ServiceBusReceiver;
  /** All that the queue holds. The SDK remembers how far a client has peeked, hence a client of its own. */
  readonly peekAll: () => Promise<ServiceBusReceivedMessage[]>;
  readonly close: () => Promise<void>;
}

export type OpenQueue = (settings?: Partial<QueueSettings>) => Promise<TestQueue>;

/** Opens queues on a namespace; `close` ends their clients. */
export function queueOpener(namespace: Namespace): { openQueue: OpenQueue; close: () => Promise<void> } {
  const opened: TestQueue[] = [];
  return {
    async openQueue(settings = {}) {
      const { connectionString, name } = await namespace.createQueue({
        lockDurationSeconds: 60,
        maxDeliveryCount: 10,
        duplicateDetectionWindowSeconds: 0,
        defaultTimeToLiveSeconds: 3600,
        ...settings,
      });
      const queue = connect(connectionString, name);
      opened.push(queue);
      return queue;
    },
    async close() {
      await Promise.all(opened.splice(0).map((queue) => queue.close()));
    },
  };
}

function connect(connectionString: string, name: string): TestQueue {
  const open = (): ServiceBusClient =>
    new ServiceBusClient(connectionString, { retryOptions: { maxRetries: 0, timeoutInMs: 10_000 } });
  const client = open();
  const another: TestQueue['another'] = (receiveMode = 'peekLock') =>
    client.createReceiver(name, { receiveMode, maxAutoLockRenewalDurationInMs: 0 });
  return {
    sender: client.createSender(name),
    receiver: another(),
    deadLetters: client.createReceiver(name, { subQueueType: 'deadLetter' }),
    another,
    async peekAll() {
      const peeker = open();
      const seen = await peeker.createReceiver(name).peekMessages(100);
      await peeker.close();
      return seen;
    },
    close: () => client.close(),
  };
}

export async function one(
  receiver: ServiceBusReceiver,
  maxWaitTimeInMs = 10_000,
): Promise<ServiceBusReceivedMessage> {
  const [received] = await receiver.receiveMessages(1, { maxWaitTimeInMs });
  if (!received) throw new Error('no message came');
  return received;
}
