import type { Awaitable } from '../../platform/base/awaitable.ts';
import type { AnswerItem, Items } from './answer.ts';

/**
 * Returns the items of an answer while `see` sees each of them: it returns what the reader gets, or `undefined` to drop the item.
 * `end` is called when the items end, with their error if they fail, and when their reader leaves. No generator, because that
 * would cost each item two more promises.
 */
export function passing(
  items: Items,
  see: (item: AnswerItem) => AnswerItem | undefined,
  end: (error?: unknown) => void = () => undefined,
): Items {
  const pass = (next: IteratorResult<AnswerItem, void>): Awaitable<IteratorResult<AnswerItem, void>> => {
    if (next.done === true) {
      end();
      return next;
    }
    const value = see(next.value);
    return value === undefined ? read() : { done: false, value };
  };
  const fail = (error: unknown): never => {
    end(error);
    throw error;
  };
  const read = (): Promise<IteratorResult<AnswerItem, void>> => items.next().then(pass, fail);
  const passed: Items = {
    next: read,
    return() {
      end();
      return items.return();
    },
    [Symbol.asyncIterator]: () => passed,
  };
  return passed;
}
