/** A value, or the promise of one that must be fetched first. Most values of a call are in memory, and waiting for them costs. */
export type Awaitable<T> = T | Promise<T>;

/** Returns what `next` makes of a value: at once for a value that is there, and else when it comes. */
export const andThen = <T, R>(value: Awaitable<T>, next: (value: T) => Awaitable<R>): Awaitable<R> =>
  value instanceof Promise ? value.then(next) : next(value);
