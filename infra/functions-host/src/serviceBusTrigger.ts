import { ServiceBusClient } from '@azure/service-bus';
import type { BindingInfo } from './coreTypes.ts';
import { resolveSettings, type HostConfig } from './hostConfig.ts';
import type { Invoker } from './invocation.ts';
import type { Log } from './log.ts';
import { createOutageReport, receive, type OutageReport, type QueueFunction } from './queueReceiver.ts';
import type { TriggeredFunction } from './triggeredFunction.ts';

export interface QueueTriggers {
  /** Takes no further message; resolves when those that were taken are settled. */
  stop(): Promise<void>;
  /** Closes the connections. What is not settled by then comes again when its lock expires. */
  close(): Promise<void>;
}

/** A restarted broker is found within a second; the SDK goes on for ever. */
const RECONNECT = { maxRetries: 1, retryDelayInMs: 1_000, maxRetryDelayInMs: 1_000 };

/** Reads a queue trigger; throws where this host cannot run it. */
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
    connectionString: connectionStringOf(triggered.trigger, settings),
  };
}

/**
 * Receives for each function from its queue: a function that returns completes its message, one that throws abandons
 * it, and the broker dead-letters what was abandoned too often. A broker that is away is waited for.
 */
export function startQueueTriggers(
  functions: readonly QueueFunction[],
  limits: HostConfig['serviceBus'],
  invoker: Invoker,
  log: Log,
): QueueTriggers {
  const connections = new Map<string, { client: ServiceBusClient; outages: OutageReport }>();
  const connect = (connectionString: string) => {
    const client = new ServiceBusClient(connectionString, { retryOptions: RECONNECT });
    const connection = { client, outages: createOutageReport(client.fullyQualifiedNamespace, log) };
    connections.set(connectionString, connection);
    return connection;
  };
  const receivers = functions.map((target) => {
    const { client, outages } = connections.get(target.connectionString) ?? connect(target.connectionString);
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

function connectionStringOf(binding: BindingInfo, settings: HostConfig['settings']): string {
  const setting = String(binding['connection']);
  const connectionString = settings[setting] ?? settings[`AzureWebJobs${setting}`];
  if (connectionString !== undefined) return connectionString;
  if (settings[`${setting}__fullyQualifiedNamespace`] !== undefined) {
    throw new Error(
      `its connection ${setting} signs in by identity; this host needs a connection string in ${setting}`,
    );
  }
  throw new Error(`its connection string, the setting ${setting}, is missing`);
}
