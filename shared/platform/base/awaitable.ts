/** A value, or a promise of it. A call needs no promise for a value that is in memory, and each promise costs time. */
export type Awaitable<T> = T | Promise<T>;

/** Returns the result of `next` for a value. It waits only for a promise. */
export const andThen = <T, R>(value: Awaitable<T>, next: (value: T) => Awaitable<R>): Awaitable<R> =>
  value instanceof Promise ? value.then(next) : next(value);
