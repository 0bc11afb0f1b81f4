import { median } from './quantile.ts';

/** Times two acts in turns, after a warm-up, and prints the medians: in one run the ratio holds where the figures do not. */
export async function compare(
  name: string,
  times: number,
  bare: () => Promise<unknown>,
  ours: () => Promise<unknown>,
): Promise<void> {
  const timed = async (act: () => Promise<unknown>) => {
    const startedAt = performance.now();
    await act();
    return performance.now() - startedAt;
  };
  const [raw, api]: [number[], number[]] = [[], []];
  await bare();
  await ours();
  for (let round = 0; round < times; round++) {
    raw.push(await timed(bare));
    api.push(await timed(ours));
  }
  const [rawMs, apiMs] = [median(raw), median(api)];
  console.log(
    `  ${name.padEnd(22)} ${apiMs.toFixed(2).padStart(9)} ms  bare table ${rawMs.toFixed(2).padStart(9)} ms  ${(apiMs / rawMs).toFixed(2)} of it`,
  );
}
