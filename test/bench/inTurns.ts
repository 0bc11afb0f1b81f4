/**
 * Measures these in turns, and begins each round with another one, so that none is always the first. Returns the measurements of
 * each by round. `onRound` gets the number of each round that begins. On a busy machine a ratio within a round holds where the figures do not.
 */
export async function inTurns<Key, Measurement>(
  rounds: number,
  keys: readonly Key[],
  measure: (key: Key) => Promise<Measurement>,
  onRound: (round: number) => void = () => undefined,
): Promise<ReadonlyMap<Key, readonly Measurement[]>> {
  const measured = new Map(keys.map((key) => [key, [] as Measurement[]]));
  for (let round = 0; round < rounds; round++) {
    onRound(round + 1);
    const first = round % keys.length;
    for (const key of [...keys.slice(first), ...keys.slice(0, first)]) {
      measured.get(key)?.push(await measure(key));
    }
  }
  return measured;
}
