import type { ServiceBusReceivedMessage, ServiceBusReceiver } from '@azure/service-bus';
import type { Invoker } from './invocation.ts';
import { stackOf, type Log } from './log.ts';
import { messageData, messageMetadata } from './serviceBusMetadata.ts';
import { createSettlementQueue } from './settlementQueue.ts';
import type { TriggeredFunction } from './triggeredFunction.ts';

/** A function with a queue trigger, its settings resolved. */
export interface QueueFunction extends TriggeredFunction {
  readonly queue: string;
  readonly connectionString: string;
}

/** The part of the SDK's receiver that is used, so that a test can play it. */
export type Receiver = Pick<ServiceBusReceiver, 'subscribe' | 'completeMessage' | 'abandonMessage'>;

export interface ReceiverContext {
  readonly maxConcurrentCalls: number;
  readonly invoker: Invoker;
  readonly outages: OutageReport;
  readonly log: Log;
}

/** Says once that a broker is away, and once that it is back, however many receivers notice. */
export interface OutageReport {
  away(problem: string): void;
  back(): void;
}

export function createOutageReport(broker: string, log: Log): OutageReport {
  let away = false;
  return {
    away(problem) {
      if (!away) log('warning', `Service Bus ${broker} is not reachable, trying on: ${problem}`);
      away = true;
    },
    back() {
      if (away) log('information', `Service Bus ${broker} is reachable again`);
      away = false;
    },
  };
}

/**
 * Runs a function for each message of a receiver: one that returns completes its message, one that throws abandons
 * it. `stop` takes no further message and resolves when those that were taken are settled.
 */
export function receive(
  receiver: Receiver,
  target: QueueFunction,
  { maxConcurrentCalls, invoker, outages, log }: ReceiverContext,
): { stop(): Promise<void> } {
  const settle = createSettlementQueue();
  const working = new Set<Promise<void>>();
  /** The SDK repeats itself with each try, as for a queue that does not exist. */
  let lastProblem: string | undefined;
  const where = `${target.queue} (function ${target.name})`;

  async function succeeds(message: ServiceBusReceivedMessage): Promise<boolean> {
    try {
      const data = messageData(message, target.trigger['dataType']);
      await invoker.invoke(target, { data, metadata: messageMetadata(message) });
      return true;
    } catch (error) {
      log('error', `Message ${String(message.messageId)} of ${where} failed: ${stackOf(error)}`);
      return false;
    }
  }

  async function work(message: ServiceBusReceivedMessage): Promise<void> {
    const succeeded = await succeeds(message);
    try {
      await settle(() => (succeeded ? receiver.completeMessage(message) : receiver.abandonMessage(message)));
    } catch (error) {
      // Its lock will expire, and it will come again, as in Azure.
      log('warning', `Message ${String(message.messageId)} of ${where} was not settled: ${String(error)}`);
    }
  }

  const subscription = receiver.subscribe(
    {
      async processMessage(message) {
        outages.back();
        const done = work(message);
        working.add(done);
        await done;
        working.delete(done);
      },
      processError({ error, errorSource }) {
        const isOutage =
          errorSource === 'receive' && !('code' in error && error.code === 'MessagingEntityNotFound');
        if (isOutage) outages.away(error.message);
        else if (error.message !== lastProblem) log('warning', `Queue ${where}: ${error.message}`);
        lastProblem = error.message;
        return Promise.resolve();
      },
    },
    { autoCompleteMessages: false, maxConcurrentCalls },
  );
  return {
    async stop() {
      await subscription.close();
      while (working.size > 0) await Promise.all(working);
    },
  };
}
