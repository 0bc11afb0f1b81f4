import { expect, test } from 'vitest';
import {
  readInstances,
  removeInstance,
  writeInstance,
} from '../../../shared/platform/telemetry/instances.ts';
import { instance } from '../../support/instances.ts';
import { memoryState } from '../../support/memoryState.ts';

const { id: _, ...known } = instance('mcp');

function place() {
  let now = Date.UTC(2026, 0, 1);
  const clock = { now: () => new Date(now), advance: (ms: number) => void (now += ms) };
  const state = memoryState(clock);
  const tell = (id: string, more: Partial<typeof known> = {}) =>
    writeInstance(state, id, { ...known, seenAt: clock.now().toISOString(), ...more });
  const read = async () => (await readInstances(state, 'mcp', clock)).current.map(({ id }) => id);
  return { clock, state, tell, read };
}

test('instances of an app stand side by side, the one that started last first', async () => {
  const { state, clock, tell, read } = place();
  await Promise.all([
    tell('a', { startedAt: '2026-01-01T00:00:00.000Z' }),
    tell('b', { startedAt: '2026-01-02T00:00:00.000Z' }),
  ]);
  expect(await read()).toEqual(['b', 'a']);
  expect((await readInstances(state, 'management', clock)).current).toEqual([]);
});

test('one that is silent is gone, and it is known when it was seen last', async () => {
  const { state, clock, tell, read } = place();
  const at = clock.now().toISOString();
  await tell('a');
  clock.advance(151_000);
  expect(await read()).toEqual([]);
  expect((await readInstances(state, 'mcp', clock)).lastSeenAt).toBe(at);
});

test('one that says that it ends is gone at once', async () => {
  const { state, tell, read } = place();
  await tell('a');
  await tell('b');
  await removeInstance(state, 'a', 'mcp');
  expect(await read()).toEqual(['b']);
});

test('of very many the ones seen last are kept', async () => {
  const { clock, tell, read } = place();
  const unknownSettings = Array.from({ length: 20 }, (_name, index) => `MREG_${'X'.repeat(58)}${index}`);
  for (let index = 0; index < 60; index++) {
    await tell(`i${index}`, { unknownSettings });
    clock.advance(1_000);
  }
  const kept = await read();
  expect(kept).toContain('i59');
  expect(kept).not.toContain('i0');
  expect(kept.length).toBeGreaterThan(20);
});
