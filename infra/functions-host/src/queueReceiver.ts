import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ServiceBusReceivedMessage, ServiceBusReceiver } from '@azure/service-bus';
import type { Invoker } from './invocation.ts';
import { type Log, stackOf } from './log.ts';
import type { ServiceBusConnection } from './serviceBusConnection.ts';
import { messageData, messageMetadata } from './serviceBusMetadata.ts';
import type { TriggeredFunction } from './triggeredFunction.ts';

/** A function with a queue trigger, its settings resolved. */
export interface QueueFunction extends TriggeredFunction {
  readonly queue: string;
  readonly connection: ServiceBusConnection;
}

/** The part of the SDK's receiver that this host uses. Tests have a fake of it. */
export type Receiver = Pick<ServiceBusReceiver, 'subscribe' | 'completeMessage' | 'abandonMessage'>;

export interface ReceiverContext {
  readonly maxConcurrentCalls: number;
  readonly invoker: Invoker;
  readonly outages: OutageReport;
  readonly log: Log;
}

/** Logs once that a broker is not reachable, and once that it is back, for all receivers together. */
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
 * Runs a function for each message of a receiver. When the function returns, its message is completed; when it throws, the
 * message is abandoned. `stop` receives no further message and resolves when all received messages are settled.
 */
export function receive(
  receiver: Receiver,
  target: QueueFunction,
  { maxConcurrentCalls, invoker, outages, log }: ReceiverContext,
): { stop(): Promise<void> } {
  const settle = createSettlementQueue();
  const working = new Set<Promise<void>>();
  /** The SDK reports an error again at each retry, for example that a queue does not exist. */
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
      // Its lock expires and the message is redelivered, as in Azure.
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

/** Settles one message. Rejects when the broker rejects the settlement. */
export type Settle = <T>(settlement: () => Promise<T>) => Promise<T>;

/**
 * Starts the settlements of one receiver in different turns of the event loop. The SDK's AMQP library merges the settlements
 * of one turn into one frame and gives the second one the outcome of the first. So a message that the function abandons
 * would be completed, and lost, when another one is completed in the same turn.
 */
export function createSettlementQueue(): Settle {
  let turn: Promise<unknown> = Promise.resolve();
  return (settlement) => {
    const settled = turn.then(settlement);
    turn = turn.then(() => nextTurn());
    return settled;
  };
}
