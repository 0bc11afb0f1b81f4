import { setImmediate as nextTurn } from 'node:timers/promises';

/** Settles one message; rejects when the broker refuses. */
export type Settle = <T>(settlement: () => Promise<T>) => Promise<T>;

/**
 * Starts the settlements of one receiver in different turns of the event loop. The SDK's AMQP library writes those
 * of one turn as a single frame, and gives the second of them the outcome of the first: a message that is to be
 * abandoned beside one that is completed would be completed, and so be lost.
 */
export function createSettlementQueue(): Settle {
  let turn: Promise<unknown> = Promise.resolve();
  return (settlement) => {
    const settled = turn.then(settlement);
    turn = turn.then(() => nextTurn());
    return settled;
  };
}
