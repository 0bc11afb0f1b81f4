import { expect, test } from 'vitest';
import { watchPlan } from '../../../functions/management/watchPlan.ts';
import { recordOutcome, startPlan } from '../../../shared/orchestration/model/planProgress.ts';
import { chunksOf } from '../../support/streamed.ts';

const now = new Date('2026-01-01T00:00:00Z');
const start = { id: 'p', tenantId: 't', name: 'test', requestedBy: 'u', traceparent: '' };
const work = { agent: 'mcp-debugger', task: 'look', input: {} } as const;
const ended = recordOutcome(
  startPlan(start, [{ ...work, id: 'a' }], now),
  'a',
  { success: true, result: null },
  now,
);

async function heard(lastEventId: string | null): Promise<string> {
  const response = watchPlan(
    ended,
    () => Promise.resolve(ended),
    ({ id }) => ({ id }),
    lastEventId,
  );
  const first = await chunksOf(response).next();
  return Buffer.from(first.value ?? '').toString();
}

test.each([null, '', 'abc', '😀', '-1', '1e400', 'NaN', '0x10', '9'.repeat(400), '__proto__'])(
  'a client with Last-Event-ID %j has seen nothing, and is shown the plan',
  async (lastEventId) => {
    expect(await heard(lastEventId)).toContain(`id: ${ended.revision}\ndata: {"id":"p"}`);
  },
);

test('a client that has seen the last change is told that there is no more', async () => {
  expect(await heard(String(ended.revision))).toBe(': the end\n\n');
});
