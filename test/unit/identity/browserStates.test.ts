import { beforeEach, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { type BrowserStates, createBrowserStates } from '../../../shared/identity/sessions/browserStates.ts';
import { randomSecret } from '../../../shared/platform/base/ids.ts';
import { azureTableStateStore } from '../../../shared/platform/state/azureTableStateStore.ts';
import { memoryTables } from '../../support/memoryTables.ts';
import { testSeal } from '../../support/seal.ts';

const lastsMs = 600_000;
const schema = z.object({ slug: z.string() });
const content = { slug: 'crm' };
const unknown = { refusal: 'state_unknown' };

describe('a state of a browser', () => {
  let now: number;
  let states: BrowserStates<z.infer<typeof schema>>;
  let others: BrowserStates<z.infer<typeof schema>>;
  beforeEach(() => {
    now = Date.UTC(2026, 0, 1);
    const { state } = azureTableStateStore(memoryTables(), { now: () => new Date(now) });
    const deps = { state, seal: testSeal, newSecret: randomSecret };
    const kind = { purpose: 'sign_in', schema, lastsMs } as const;
    states = createBrowserStates({ ...kind, name: 'sign-in' }, deps);
    others = createBrowserStates({ ...kind, name: 'connect' }, deps);
  });

  test('gives its content once, in the browser of its cookie', async () => {
    const { name, value, maxAgeMs } = await states.keep('s', content);
    expect(maxAgeMs).toBe(lastsMs);
    const cookieOf = (asked: string) => (asked === name ? value : undefined);
    const spent = { name, value: '', maxAgeMs: 0 };
    expect(await states.take('s', cookieOf)).toEqual({ content, spent });
    expect(await states.take('s', cookieOf)).toEqual(unknown);
  });

  test('gives it to one of two callers', async () => {
    const { value } = await states.keep('s', content);
    const taken = await Promise.all([states.take('s', () => value), states.take('s', () => value)]);
    expect(taken.filter((each) => 'content' in each)).toHaveLength(1);
  });

  test.each([
    ['without a cookie', undefined],
    ['with an empty one', ''],
    ['with that of another sign-in', 'x'.repeat(43)],
  ])('ends in another browser: %s', async (_, cookie) => {
    const { value } = await states.keep('s', content);
    expect(await states.take('s', () => cookie)).toEqual({ refusal: 'browser_changed' });
    expect(await states.take('s', () => value)).toEqual(unknown);
  });

  test('is unknown after its time, to sign-ins of another kind, and where nobody made it', async () => {
    const { value } = await states.keep('s', content);
    expect(await others.take('s', () => value)).toEqual(unknown);
    expect(await states.take('', () => value)).toEqual(unknown);
    now += lastsMs;
    expect(await states.take('s', () => value)).toEqual(unknown);
  });

  test('has a cookie of its own', async () => {
    const names = [await states.keep('s', content), await states.keep('t', content)].map(({ name }) => name);
    expect(new Set(names).size).toBe(2);
    for (const name of names) expect(name).toMatch(/^mreg-sign-in-[\w-]{16}$/);
  });
});
