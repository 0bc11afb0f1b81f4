import { expect, test } from 'vitest';
import type { LegacySession } from '../../../shared/gateway/upstream/legacySession.ts';
import { createSessionPool, type SessionSource } from '../../../shared/gateway/upstream/sessionPool.ts';

/** Opens sessions of nothing, and counts how often and which were lost. */
function countingSource() {
  const opened: string[] = [];
  const lost: LegacySession[] = [];
  const source = (key: string): SessionSource => ({
    open: () => {
      opened.push(key);
      // The pool looks at none of what a session can do.
      return Promise.resolve({ id: `${key}-${opened.length}` } as LegacySession);
    },
    lost: (session) => {
      lost.push(session);
      return Promise.resolve();
    },
  });
  return { opened, lost, source };
}

test('the pool holds no more than its capacity, and drops what was used longest ago', async () => {
  const { opened, source } = countingSource();
  const pool = createSessionPool(2);
  const use = (key: string) => pool.of('t', key, source(key)).get();
  for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) await use(key);
  // `c` put out `b`, since `a` had been used after it; then `b` put out `c`.
  expect(opened).toEqual(['a', 'b', 'c', 'b']);
});

test('a session that is forgotten late does not take its successor with it', async () => {
  const { opened, lost, source } = countingSource();
  const slot = createSessionPool(2).of('t', 'a', source('a'));
  const first = await slot.get();
  await slot.forget(first);
  const second = await slot.get();
  await slot.forget(first);
  expect(await slot.get()).toBe(second);
  expect(opened).toHaveLength(2);
  expect(lost).toEqual([first]);
});

test('a tenant with many users does not put out the session of another tenant', async () => {
  const { opened, source } = countingSource();
  const pool = createSessionPool(4);
  await pool.of('quiet', 'q', source('q')).get();
  for (let n = 0; n < 100; n++) await pool.of('busy', `b${n}`, source('b')).get();
  await pool.of('quiet', 'q', source('q')).get();
  expect(opened.filter((name) => name === 'q')).toHaveLength(1);
});
