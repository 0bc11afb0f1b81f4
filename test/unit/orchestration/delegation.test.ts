import { describe, expect, test } from 'vitest';
import { delegationMessageSchema, messageOf } from '../../../shared/orchestration/engine/message.ts';
import {
  claim,
  type Delegation,
  finish,
  retryLater,
  sweep,
} from '../../../shared/orchestration/model/delegation.ts';

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1000);
const row: Delegation = {
  id: 'd',
  tenantId: 't',
  agent: 'mcp-debugger',
  task: 'probe',
  input: { x: 1 },
  requestingAgent: 'mcp-orchestrator',
  traceparent: '00-1-1-01',
  state: 'queued',
  attempt: 1,
  attempts: 0,
  sentAt: at(0).toISOString(),
  deadline: at(600).toISOString(),
  createdAt: at(0).toISOString(),
};
const running: Delegation = { ...row, state: 'running', attempts: 1, leaseUntil: at(25).toISOString() };
const cancelled = finish(row, { success: false, error: { kind: 'cancelled', message: '' } }, at(1));
const done = finish(running, { success: true, result: 1 }, at(9));

describe('claiming', () => {
  test.each([
    [row, 1, 'claimed', 'nobody has it'],
    [running, 1, 'skip', 'an agent has it and its lease runs'],
    [running, 26, 'claimed', 'the agent that had it is gone'],
    [retryLater(running, at(1)), 1, 'claimed', 'the agent gave it back'],
    [cancelled, 1, 'skip', 'it was cancelled'],
    [done, 1, 'skip', 'its outcome is recorded'],
    [row, 601, 'claimed', 'the clock that gave the deadline may be behind'],
    [row, 660, 'overdue', 'its deadline has come by any clock'],
    [running, 661, 'overdue', 'its deadline has come and nobody has it'],
  ])('row %# after %i s: %s, because %s', (delegation, seconds, kind) => {
    expect(claim(delegation, at(seconds), 20_000).kind).toBe(kind);
  });

  test('counts the attempt and takes a lease that outlives the task', () => {
    const decision = claim(row, at(10), 20_000);
    expect(decision).toMatchObject({
      delegation: {
        state: 'running',
        attempts: 1,
        startedAt: at(10).toISOString(),
        leaseUntil: at(35).toISOString(),
      },
    });
  });

  test('keeps when it first began', () => {
    const again = claim({ ...running, startedAt: at(1).toISOString() }, at(100), 20_000);
    expect(again).toMatchObject({ delegation: { startedAt: at(1).toISOString(), attempts: 2 } });
  });
});

describe('sweeping', () => {
  test.each([
    [row, 59, 'leave', 'its message may still be on the way'],
    [row, 61, 'resend', 'its message is lost'],
    [{ ...row, attempt: 2 }, 61, 'leave', 'patience doubles with each sending'],
    [{ ...row, attempt: 2 }, 121, 'resend', 'the doubled patience is over'],
    [running, 20, 'leave', 'an agent is at it'],
    [running, 61, 'leave', 'the clock of the agent that has it may be behind'],
    [running, 86, 'resend', 'the agent is gone and no message came again'],
    [row, 600, 'resend', 'the clock that gave the deadline may be behind'],
    [row, 660, 'overdue', 'its deadline has come by any clock'],
  ])('row %# after %i s: %s, because %s', (delegation, seconds, kind) => {
    expect(sweep(delegation, at(seconds)).kind).toBe(kind);
  });

  test('sends again under another message id, which duplicate detection lets through', () => {
    const decision = sweep(running, at(86));
    expect(decision).toMatchObject({
      delegation: { attempt: 2, state: 'queued', sentAt: at(86).toISOString() },
    });
    expect(decision.kind === 'resend' && decision.delegation.leaseUntil).toBeUndefined();
  });
});

test('a message says all that an agent needs and passes its own schema', () => {
  expect(delegationMessageSchema.parse(messageOf({ ...row, planId: 'p', stepId: 's' }))).toEqual({
    schemaVersion: 1,
    delegationId: 'd',
    attempt: 1,
    requestingAgent: 'mcp-orchestrator',
    targetAgent: 'mcp-debugger',
    taskType: 'probe',
    tenantId: 't',
    planId: 'p',
    stepId: 's',
    traceparent: '00-1-1-01',
    deadline: at(600).toISOString(),
    input: { x: 1 },
  });
});

test('an input that is too large for a message stays in the row', () => {
  const large = messageOf({ ...row, input: { text: 'x'.repeat(200_000) } });
  expect(large).not.toHaveProperty('input');
  expect(delegationMessageSchema.safeParse(large).success).toBe(true);
});

test.each([
  [1, 1],
  [2, 4],
  [3, 16],
])('after attempt %i the next comes %i s later, under a message id of its own', (attempts, seconds) => {
  expect(retryLater({ ...running, attempts }, at(100))).toMatchObject({
    state: 'queued',
    attempt: 2,
    sentAt: at(100 + seconds).toISOString(),
  });
});

test('a cancelled delegation says so in its state', () => {
  expect(cancelled.state).toBe('cancelled');
});
