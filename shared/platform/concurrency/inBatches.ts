import { createKeyedMutex } from './keyedMutex.ts';

/**
 * Returns a function that handles the items of concurrent calls together, where their keys are the same: those of one turn of the
 * event loop, and those that come while an earlier batch is handled. Each call gets what `handle` returns for its batch, or
 * throws what it throws. `handle` begins after the call. A batch has at most `most` items.
 */
export function inBatches<I, O>(
  keyOf: (item: I) => string,
  handle: (items: readonly I[]) => Promise<O>,
  most = Infinity,
): (item: I) => Promise<O> {
  const inTurn = createKeyedMutex();
  /** The batches that have not begun. */
  const gathering = new Map<string, { readonly items: I[]; readonly answer: Promise<O> }>();
  return (item) => {
    const key = keyOf(item);
    const open = gathering.get(key);
    if (open && open.items.length < most) {
      open.items.push(item);
      return open.answer;
    }
    const items = [item];
    const answer = inTurn(key, () => {
      if (gathering.get(key)?.items === items) gathering.delete(key);
      return handle(items);
    });
    gathering.set(key, { items, answer });
    return answer;
  };
}
