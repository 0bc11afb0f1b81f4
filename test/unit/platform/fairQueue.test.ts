import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createFairQueue } from '../../../shared/platform/concurrency/fairQueue.ts';

/** Runs work that ends when the test says so, and keeps the order in which it began. */
function scene(atOnce: number, tenants: number) {
  const queue = createFairQueue(atOnce, tenants);
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const add = (tenant: string, name = tenant): Promise<string> =>
    queue.run(tenant, async () => {
      begun.push(name);
      await new Promise<void>((end) => ends.push(end));
      return name;
    });
  /** Lets the oldest work that runs end, until none runs. */
  const finishAll = async () => {
    for (await settled(); ends.length > 0; await settled()) ends.shift()?.();
  };
  return { add, begun, ends, finishAll };
}
const settled = () => new Promise((done) => setImmediate(done));

describe('a fair queue', () => {
  test('gives the first of a tenant its turn after one of each other tenant, however many those have waiting', async () => {
    const { add, begun, finishAll } = scene(1, 3);
    for (let n = 0; n < 1_000; n++) void add('a', `a${n}`);
    void add('b');
    void add('c');
    await finishAll();
    expect(begun.slice(0, 5)).toEqual(['a0', 'a1', 'b', 'c', 'a2']);
    expect(begun).toHaveLength(1_002);
  });

  test('keeps places for another tenant, so that slow work of one does not hold them all', async () => {
    const { add, begun } = scene(4, 2);
    for (let n = 0; n < 10; n++) void add('a');
    void add('b');
    await settled();
    expect(begun).toEqual(['a', 'a', 'b']);
  });

  test('gives a gateway of one tenant all places', async () => {
    const { add, begun } = scene(4, 1);
    for (let n = 0; n < 10; n++) void add('a');
    await settled();
    expect(begun).toHaveLength(4);
  });

  test('runs all that was added, of each tenant in its order, whatever fails', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.boolean()), { maxLength: 40 }),
        async (atOnce, work) => {
          const queue = createFairQueue(atOnce, 3);
          const begun: { tenant: string; index: number }[] = [];
          let running = 0;
          const results = await Promise.allSettled(
            work.map(([tenant, fails], index) =>
              queue.run(tenant, async () => {
                begun.push({ tenant, index });
                running += 1;
                expect(running).toBeLessThanOrEqual(atOnce);
                await Promise.resolve();
                running -= 1;
                if (fails) throw new Error('failed');
              }),
            ),
          );
          expect(results.map(({ status }) => status === 'rejected')).toEqual(work.map(([, fails]) => fails));
          for (const each of ['a', 'b', 'c']) {
            const order = begun.filter(({ tenant }) => tenant === each).map(({ index }) => index);
            expect(order).toEqual([...order].sort((one, other) => one - other));
          }
        },
      ),
    );
  });
});
