import { ServiceBusClient } from '@azure/service-bus';
import type { RegisteredFunction } from './coreApi.ts';
import type { BindingInfo } from './coreTypes.ts';
import { resolveSettings, type HostConfig } from './hostConfig.ts';
import type { Invoker } from './invocation.ts';
import type { Log } from './log.ts';
import { receive, type QueueFunction } from './queueReceiver.ts';

export interface QueueTriggers {
  /** Takes no further message; those that run may still be settled. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

/** Short, so that a restarted broker is found at once. */
const RECONNECT_EVERY_MS = 1_000;

/** Reads the queue trigger of a function; undefined where it has none, an error where this host cannot run it. */
export function toQueueFunction(
  registered: RegisteredFunction,
  settings: HostConfig['settings'],
): QueueFunction | undefined {
  const [bindingName, binding] =
    Object.entries(registered.metadata.bindings).find(([, { type }]) => type === 'serviceBusTrigger') ?? [];
  if (bindingName === undefined || !binding) return undefined;
  if (typeof binding['queueName'] !== 'string')
    throw new Error('only Service Bus queues are run here, not topics');
  if (binding['isSessionsEnabled'] === true) throw new Error('Service Bus sessions are not run here');
  if (binding['cardinality'] === 'many') throw new Error('batches of Service Bus messages are not run here');
  if (binding['autoCompleteMessages'] === false)
    throw new Error('a Node.js function cannot settle its message itself');
  return {
    registered,
    bindingName,
    queue: resolveSettings(binding['queueName'], settings),
    connectionString: connectionStringOf(binding, settings),
    dataType: binding['dataType'],
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
  const clients = new Map<string, ServiceBusClient>();
  const retryOptions = {
    maxRetries: 1,
    retryDelayInMs: RECONNECT_EVERY_MS,
    maxRetryDelayInMs: RECONNECT_EVERY_MS,
  };
  const subscriptions = functions.map((target) => {
    const client =
      clients.get(target.connectionString) ?? new ServiceBusClient(target.connectionString, { retryOptions });
    clients.set(target.connectionString, client);
    const receiver = client.createReceiver(target.queue, {
      receiveMode: 'peekLock',
      maxAutoLockRenewalDurationInMs: limits.maxLockRenewalMs,
      skipParsingBodyAsJson: true,
    });
    return receive(receiver, target, limits.maxConcurrentCalls, invoker, log);
  });
  return {
    async stop() {
      await Promise.all(subscriptions.map((subscription) => subscription.close()));
    },
    async close() {
      await Promise.all([...clients.values()].map((client) => client.close()));
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
