import type { ServiceBusReceiver } from '@azure/service-bus';
import type { RegisteredFunction } from './coreApi.ts';
import type { Invoker } from './invocation.ts';
import { stackOf, type Log } from './log.ts';
import { messageData, messageMetadata, type RawMessage } from './serviceBusMetadata.ts';
import { createSettlementQueue } from './settlementQueue.ts';

/** A function with a queue trigger, its settings resolved. */
export interface QueueFunction {
  readonly registered: RegisteredFunction;
  readonly bindingName: string;
  readonly queue: string;
  readonly connectionString: string;
  readonly dataType: unknown;
}

/** The part of the SDK's receiver that is used, so that a test can play it. */
export type Receiver = Pick<ServiceBusReceiver, 'subscribe' | 'completeMessage' | 'abandonMessage'>;

/**
 * Runs a function for each message of a receiver: one that returns completes its message, one that throws abandons
 * it, and the broker dead-letters what was abandoned too often. A broker that is away is waited for.
 */
export function receive(
  receiver: Receiver,
  target: QueueFunction,
  maxConcurrentCalls: number,
  invoker: Invoker,
  log: Log,
): { close(): Promise<void> } {
  const settle = createSettlementQueue();
  const { name } = target.registered.metadata;
  let reachable = true;

  async function run(message: RawMessage): Promise<boolean> {
    try {
      await invoker.invoke(target.registered, {
        bindingName: target.bindingName,
        data: messageData(message, target.dataType),
        metadata: messageMetadata(message),
      });
      return true;
    } catch (error) {
      log(
        'error',
        `Message ${String(message.messageId)} of ${target.queue} (function ${name}) failed: ${stackOf(error)}`,
      );
      return false;
    }
  }

  return receiver.subscribe(
    {
      async processMessage(message) {
        if (!reachable) log('information', `Queue ${target.queue} (function ${name}) is reachable again`);
        reachable = true;
        const succeeded = await run(message);
        try {
          await settle(() =>
            succeeded ? receiver.completeMessage(message) : receiver.abandonMessage(message),
          );
        } catch (error) {
          // The lock will expire and the message come again, as in Azure.
          log(
            'warning',
            `Message ${String(message.messageId)} of ${target.queue} was not settled: ${String(error)}`,
          );
        }
      },
      processError({ error }) {
        if (reachable)
          log(
            'warning',
            `Queue ${target.queue} (function ${name}) is not reachable, trying on: ${error.message}`,
          );
        reachable = false;
        return Promise.resolve();
      },
    },
    { autoCompleteMessages: false, maxConcurrentCalls },
  );
}
