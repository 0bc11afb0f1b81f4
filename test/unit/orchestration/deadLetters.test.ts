import { describe, expect, test } from 'vitest';
import {
  type DeadLetterDeps,
  decideRequeue,
  listDeadLetters,
  requeueDeadLetter,
} from '../../../shared/orchestration/engine/deadLetters.ts';
import { azureTableDelegationStore } from '../../../shared/orchestration/stores/azureTableStores.ts';
import { type Delegation } from '../../../shared/orchestration/model/delegation.ts';
import { messageOf } from '../../../shared/orchestration/model/delegationMessage.ts';
import { InfrastructureError } from '../../../shared/platform/base/errors.ts';
import type { OutgoingMessage } from '../../../shared/platform/serviceBus/messageSender.ts';
import type { DeadLetter } from '../../../shared/platform/serviceBus/deadLetters.ts';
import { testEngine } from '../../support/engine.ts';
import { memoryTables } from '../../support/memoryTables.ts';

const now = new Date('2026-01-01T00:10:00Z');
const minutesFromNow = (minutes: number) => new Date(now.getTime() + minutes * 60_000).toISOString();
const agent = 'mcp-debugger';

const delegation = (changes: Partial<Delegation> = {}): Delegation => ({
  id: 'd1',
  tenantId: 't1',
  agent,
  task: 'probe',
  input: {},
  requestingAgent: 'mcp-orchestrator',
  traceparent: '',
  state: 'queued',
  attempt: 3,
  attempts: 1,
  sentAt: minutesFromNow(-5),
  deadline: minutesFromNow(5),
  createdAt: minutesFromNow(-5),
  ...changes,
});
const ended = delegation({ state: 'succeeded', outcome: { success: true, result: 1 } });

interface Place {
  readonly bodies?: readonly unknown[];
  readonly rows?: readonly Delegation[];
  /** Throws, as an outage does, on the step of this name. */
  readonly faultAt?: string;
}

/** Dead letters numbered from 1, with every step that is taken on them and on the rows. */
async function place({ bodies = [], rows = [], faultAt }: Place) {
  const steps: string[] = [];
  const step = (name: string) => {
    if (name === faultAt) throw new InfrastructureError('service_bus', 'test', undefined);
    steps.push(name);
  };
  const letters = bodies.map((body, index): DeadLetter => ({
    sequenceNumber: String(index + 1),
    messageId: '',
    enqueuedAt: now,
    reason: 'MaxDeliveryCountExceeded',
    description: undefined,
    deliveryCount: 5,
    body,
    size: 9,
  }));
  const sent: OutgoingMessage[] = [];
  let peeks = 0;
  const tables = memoryTables((operation) => {
    if (/^(insert|replace) delegations/.test(operation) && ready) step('row');
  });
  let ready = false;
  const deps: DeadLetterDeps = {
    ...testEngine().deps,
    delegations: azureTableDelegationStore(tables, ['t1']),
    sender: {
      send: async (_, message) => {
        await Promise.resolve();
        step('send');
        sent.push(message);
      },
    },
    clock: { now: () => now },
    newId: () => 'fresh',
    operatorTenant: 'operator',
    deadLetters: {
      list: (_, limit, from = '0') => {
        peeks += 1;
        const found = letters.filter(({ sequenceNumber }) => BigInt(sequenceNumber) >= BigInt(from));
        return Promise.resolve(found.slice(0, limit));
      },
      take: async (_, sequenceNumber, act) => {
        const index = letters.findIndex((letter) => letter.sequenceNumber === sequenceNumber);
        if (index < 0) return undefined;
        const done = await act(async (messageId) => {
          await Promise.resolve();
          step(`resend as ${messageId}`);
        });
        step('remove');
        letters.splice(index, 1);
        return done;
      },
    },
  };
  for (const row of rows) await deps.delegations.add(row);
  ready = true;
  return { deps, steps, sent, letters, peeks: () => peeks };
}

const about = (row: Delegation) => messageOf(row);
const garbage = 'no delegation';
const numbersOf = ({ items }: Awaited<ReturnType<typeof listDeadLetters>>) =>
  items.map(({ letter }) => letter.sequenceNumber);

describe('what a second message could do', () => {
  test.each<[string, string, Delegation | undefined]>([
    ['requeued', 'its message was lost', delegation()],
    ['requeued', 'its agent is gone', delegation({ state: 'running', leaseUntil: minutesFromNow(-1) })],
    ['running', 'its agent is at it', delegation({ state: 'running', leaseUntil: minutesFromNow(1) })],
    ['ended', 'an outcome is final', ended],
    ['unknown', 'there is no row to run', undefined],
  ])('is %s when %s', (expected, _, row) => {
    const decision = decideRequeue(row, now);
    expect(decision.kind === 'removed' ? decision.because : decision.kind).toBe(expected);
  });

  test('goes out under a number that no message had before, and at once', () => {
    expect(decideRequeue(delegation(), now)).toMatchObject({
      delegation: { state: 'queued', attempt: 4, sentAt: now.toISOString() },
    });
  });
});

describe('listing', () => {
  const others = about(delegation({ tenantId: 't2', id: 'd2' }));

  test('shows a tenant its own with their delegations, and the operator what nobody can read', async () => {
    const { deps } = await place({ bodies: [about(ended), others, garbage], rows: [ended] });
    const own = await listDeadLetters(agent, 't1', 30, undefined, deps);
    expect(own.items).toMatchObject([
      { letter: { sequenceNumber: '1' }, delegation: { id: 'd1', state: 'succeeded' } },
    ]);
    expect(own.after).toBeUndefined();
    const operators = await listDeadLetters(agent, 'operator', 30, undefined, deps);
    expect(numbersOf(operators)).toEqual(['3']);
    expect(operators.items[0]).not.toHaveProperty('delegation');
    expect((await listDeadLetters(agent, 't3', 30, undefined, deps)).items).toEqual([]);
  });

  test.each(['😀', '\ud83d', 'a/b', 'a\u0000', '', 'x'.repeat(10_240)])(
    'shows what names a delegation that cannot be, %j, to the operator, as what nobody can read',
    async (odd) => {
      const mine = about(delegation());
      const bodies = [{ ...mine, delegationId: odd }, { ...mine, tenantId: odd }, mine];
      const { deps } = await place({ bodies, rows: [] });
      const operators = await listDeadLetters(agent, 'operator', 30, undefined, deps);
      expect(numbersOf(operators)).toEqual(['1', '2']);
      expect(numbersOf(await listDeadLetters(agent, 't1', 30, undefined, deps))).toEqual(['3']);
    },
  );

  test('goes on after the last of the page before, past those of other tenants', async () => {
    const mine = about(delegation());
    const { deps } = await place({ bodies: [mine, others, mine, others, mine] });
    const first = await listDeadLetters(agent, 't1', 2, undefined, deps);
    expect([numbersOf(first), first.after]).toEqual([['1', '3'], '3']);
    const second = await listDeadLetters(agent, 't1', 2, first.after, deps);
    expect([numbersOf(second), second.after]).toEqual([['5'], undefined]);
  });

  test('passes over a thousand at most, and then says where to go on', async () => {
    const { deps, peeks } = await place({
      bodies: [...Array.from({ length: 1_100 }, () => others), about(delegation())],
    });
    const first = await listDeadLetters(agent, 't1', 30, undefined, deps);
    expect([first.items, first.after, peeks()]).toEqual([[], '1000', 10]);
    expect(numbersOf(await listDeadLetters(agent, 't1', 30, first.after, deps))).toEqual(['1101']);
  });
});

describe('requeueing', () => {
  test('writes the row, sends, and only then removes', async () => {
    const { deps, steps, sent } = await place({ bodies: [about(delegation())], rows: [delegation()] });
    expect(await requeueDeadLetter(agent, '1', 't1', deps)).toMatchObject({
      ok: true,
      value: { kind: 'requeued', delegationId: 'd1', state: 'queued' },
    });
    expect(steps).toEqual(['row', 'send', 'remove']);
    expect(sent).toMatchObject([{ messageId: 'd1:4', body: { attempt: 4 } }]);
  });

  test('removes what belongs to an ended delegation, and says so', async () => {
    const { deps, steps } = await place({ bodies: [about(ended)], rows: [ended] });
    expect(await requeueDeadLetter(agent, '1', 't1', deps)).toMatchObject({
      value: { kind: 'removed', because: 'ended', state: 'succeeded' },
    });
    expect(steps).toEqual(['remove']);
  });

  test('sends what nobody can read as it is, under a new message id', async () => {
    const { deps, steps } = await place({ bodies: [garbage] });
    expect(await requeueDeadLetter(agent, '1', 'operator', deps)).toEqual({
      ok: true,
      value: { kind: 'resent' },
    });
    expect(steps).toEqual(['resend as fresh', 'remove']);
  });

  test.each([
    ['1', 't2', 'it is of another tenant'],
    ['1', 'operator', 'it can be read, so it is not the operator’s'],
    ['2', 't1', 'what nobody can read is the operator’s alone'],
    ['3', 't1', 'there is none'],
    ['0', 't1', 'there is only one behind it'],
    ['01', 't1', 'a number has one spelling'],
    ['-1', 't1', 'no sequence number'],
    ['9223372036854775808', 't1', 'more than 64 bits'],
    ['', 't1', 'no number'],
    ['x', 't1', 'no number either'],
  ])('%j is not there for %s: %s', async (id, tenantId) => {
    const { deps, steps } = await place({ bodies: [about(delegation()), garbage], rows: [delegation()] });
    expect(await requeueDeadLetter(agent, id, tenantId, deps)).toMatchObject({
      error: { kind: 'not_found' },
    });
    expect(steps).toEqual([]);
  });

  test('one that cannot be held is left, and nothing is done', async () => {
    const { deps, steps } = await place({ bodies: [about(delegation())], rows: [delegation()] });
    const held = { ...deps.deadLetters, take: () => Promise.resolve(undefined) };
    expect(await requeueDeadLetter(agent, '1', 't1', { ...deps, deadLetters: held })).toMatchObject({
      error: { kind: 'unavailable' },
    });
    expect(steps).toEqual([]);
  });

  test.each(['row', 'remove'])('a fault at the step "%s" leaves the dead letter', async (faultAt) => {
    const { deps, letters } = await place({
      bodies: [about(delegation())],
      rows: [delegation()],
      faultAt,
    });
    await expect(requeueDeadLetter(agent, '1', 't1', deps)).rejects.toBeInstanceOf(InfrastructureError);
    expect(letters).toHaveLength(1);
  });

  test('a message that is not taken is the sweeper’s to send: the row says that it is due', async () => {
    const { deps } = await place({
      bodies: [about(delegation())],
      rows: [delegation()],
      faultAt: 'send',
    });
    expect((await requeueDeadLetter(agent, '1', 't1', deps)).ok).toBe(true);
    expect((await deps.delegations.find('t1', 'd1'))?.value).toMatchObject({ state: 'queued', attempt: 4 });
  });
});
