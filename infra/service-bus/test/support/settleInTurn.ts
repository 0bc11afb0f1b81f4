import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Starts the settlements of a receiver in different turns of the event loop. The SDK's AMQP library merges those of
 * one turn into one frame and gives the second one the outcome of the first.
 */
export function createSettleInTurn(): <T>(settlement: () => Promise<T>) => Promise<T> {
  let turn: Promise<unknown> = Promise.resolve();
  return (settlement) => {
    const settled = turn.then(settlement);
    turn = turn.then(() => nextTurn());
    return settled;
  };
}
