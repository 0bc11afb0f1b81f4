import type { ServiceBusClient } from '@azure/service-bus';
import { type HostConfig, resolveSettings } from './hostConfig.ts';
import type { Invoker } from './invocation.ts';
import type { Log } from './log.ts';
import { createOutageReport, type OutageReport, type QueueFunction, receive } from './queueReceiver.ts';
import { connectionOf, openClient, type ServiceBusConnection } from './serviceBusConnection.ts';
import type { TriggeredFunction } from './triggeredFunction.ts';

export interface QueueTriggers {
  /** Receives no further message. Resolves when all received messages are settled. */
  stop(): Promise<void>;
  /** Closes the connections. Unsettled messages are redelivered when their locks expire. */
  close(): Promise<void>;
}

/** The SDK retries without end, and finds a restarted broker within a second. */
const RECONNECT = { maxRetries: 1, retryDelayInMs: 1_000, maxRetryDelayInMs: 1_000 };

/** Reads a queue trigger. @throws Error when this host does not support it. */
export function toQueueFunction(
  triggered: TriggeredFunction,
  settings: HostConfig['settings'],
): QueueFunction {
  const { queueName, isSessionsEnabled, cardinality, autoCompleteMessages } = triggered.trigger;
  if (typeof queueName !== 'string') throw new Error('only Service Bus queues are run here, not topics');
  if (isSessionsEnabled === true) throw new Error('Service Bus sessions are not run here');
  if (cardinality === 'many') throw new Error('batches of Service Bus messages are not run here');
  if (autoCompleteMessages === false) throw new Error('a Node.js function cannot settle its message itself');
  return {
    ...triggered,
    queue: resolveSettings(queueName, settings),
    connection: connectionOf(String(triggered.trigger['connection']), settings),
  };
}

/**
 * Receives messages for each function from its queue. When the function returns, its message is completed; when it throws,
 * the message is abandoned, and the broker dead-letters it after the last attempt. Waits for a broker that is not reachable.
 */
export function startQueueTriggers(
  functions: readonly QueueFunction[],
  limits: HostConfig['serviceBus'],
  invoker: Invoker,
  log: Log,
): QueueTriggers {
  const connections = new Map<string, { client: ServiceBusClient; outages: OutageReport }>();
  /** Functions of the same connection share one client. */
  const connect = (connection: ServiceBusConnection) => {
    const key = JSON.stringify(connection);
    const known = connections.get(key);
    if (known) return known;
    const client = openClient(connection, { retryOptions: RECONNECT });
    const opened = { client, outages: createOutageReport(client.fullyQualifiedNamespace, log) };
    connections.set(key, opened);
    return opened;
  };
  const receivers = functions.map((target) => {
    const { client, outages } = connect(target.connection);
    const receiver = client.createReceiver(target.queue, {
      receiveMode: 'peekLock',
      maxAutoLockRenewalDurationInMs: limits.maxLockRenewalMs,
      skipParsingBodyAsJson: true,
    });
    return receive(receiver, target, {
      maxConcurrentCalls: limits.maxConcurrentCalls,
      invoker,
      outages,
      log,
    });
  });
  return {
    async stop() {
      await Promise.all(receivers.map((receiver) => receiver.stop()));
    },
    async close() {
      await Promise.all([...connections.values()].map(({ client }) => client.close()));
    },
  };
}
