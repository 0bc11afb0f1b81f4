/**
 * Yields one item of each source in turn, in the order of the sources, until all have ended. So a long source delays the others
 * by one item at a time. A source is read only when its turn comes. @throws the error of a source
 */
export async function* roundRobin<T>(
  sources: Iterable<AsyncIterable<T>>,
): AsyncGenerator<T, void, undefined> {
  let round = Array.from(sources, (source) => source[Symbol.asyncIterator]());
  try {
    while (round.length > 0) {
      const left: typeof round = [];
      for (const source of round) {
        const next = await source.next();
        if (next.done === true) continue;
        left.push(source);
        yield next.value;
      }
      round = left;
    }
  } finally {
    await Promise.all(round.map(async (source) => source.return?.()));
  }
}
