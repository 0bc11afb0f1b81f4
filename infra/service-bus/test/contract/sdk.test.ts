import { ServiceBusAdministrationClient } from '@azure/service-bus';
import { afterAll, afterEach, describe } from 'vitest';
import { type Broker, startBroker } from '../../src/broker.ts';
import type { QueueSettings } from '../../src/queue.ts';
import { type Namespace, queueOpener } from './sdk/namespace.ts';
import { receivingContract } from './sdk/receiving.ts';
import { sendingContract } from './sdk/sending.ts';
import { settlingContract } from './sdk/settling.ts';

serviceBusContract('the local broker', localNamespace());
const azure = process.env['MREG_TEST_SERVICE_BUS'];
if (azure !== undefined) serviceBusContract('Azure', azureNamespace(azure));

/** What the product relies on in Service Bus, seen through the unmodified SDK. */
function serviceBusContract(kind: string, namespace: Namespace): void {
  describe(kind, () => {
    const { openQueue, close } = queueOpener(namespace);
    afterEach(close);
    afterAll(() => namespace.close());
    sendingContract(openQueue);
    receivingContract(openQueue, namespace.lockSeconds);
    settlingContract(openQueue, namespace.lockSeconds);
  });
}

/** A broker for each queue. */
function localNamespace(): Namespace {
  const brokers: Broker[] = [];
  return {
    lockSeconds: 1,
    async createQueue(settings) {
      const broker = await startBroker({ port: 0, queues: { orders: settings } });
      brokers.push(broker);
      return { connectionString: broker.connectionString, name: 'orders' };
    },
    async close() {
      await Promise.all(brokers.map((broker) => broker.stop()));
    },
  };
}

/** Queues of a real namespace, made for the run; the connection string needs the Manage right. */
function azureNamespace(connectionString: string): Namespace {
  const administration = new ServiceBusAdministrationClient(connectionString);
  const names: string[] = [];
  return {
    lockSeconds: 5,
    async createQueue(settings) {
      const name = `mreg-test-${crypto.randomUUID()}`;
      await administration.createQueue(name, azureSettings(settings));
      names.push(name);
      return { connectionString, name };
    },
    async close() {
      await Promise.all(names.map((name) => administration.deleteQueue(name)));
    },
  };
}

function azureSettings(
  settings: QueueSettings,
): Parameters<ServiceBusAdministrationClient['createQueue']>[1] {
  const windowSeconds = settings.duplicateDetectionWindowSeconds;
  return {
    lockDuration: `PT${settings.lockDurationSeconds}S`,
    maxDeliveryCount: settings.maxDeliveryCount,
    defaultMessageTimeToLive: `PT${settings.defaultTimeToLiveSeconds}S`,
    deadLetteringOnMessageExpiration: settings.deadLetterOnExpiration ?? false,
    ...(windowSeconds > 0 && {
      requiresDuplicateDetection: true,
      duplicateDetectionHistoryTimeWindow: `PT${windowSeconds}S`,
    }),
  };
}
