import { expect, test } from 'vitest';
import { inspectChange } from '../../../shared/specialists/deploymentChange.ts';

const event = (detail: Readonly<Record<string, unknown>>) => ({
  eventId: 'e1',
  type: 'deployment_status',
  detail,
  raisedBy: 'someone',
  raisedAt: '2026-12-01T12:00:00.000Z',
});
const ended = { deployment: 'd1', environment: 'prod', outcome: 'succeeded', build: 'b2', step: 'smoke' };
const inspect = (detail: Readonly<Record<string, unknown>>) =>
  inspectChange(event(detail), { tenantId: 't1', signal: new AbortController().signal }, {
    plans: { find: () => Promise.resolve(undefined) },
  } as unknown as Parameters<typeof inspectChange>[2]);

test('a deployment that succeeded has no finding', async () => {
  expect(await inspect(ended)).toEqual({
    subject: 'deployments/d1',
    summary: 'The deployment of build b2 to prod is succeeded.',
    facts: ended,
    findings: [],
  });
});

test.each([
  ['failed', /Read in the output of npm run deploy why smoke failed/],
  ['rolled_back', /Read in the output of npm run deploy why smoke failed/],
  ['rollback_failed', /Run npm run deploy again: it first restores/],
])('a deployment that is %s is a critical finding that says what to do', async (outcome, remedy) => {
  const { findings } = await inspect({ ...ended, outcome });
  expect(findings).toMatchObject([{ rule: 'deployment_not_succeeded', severity: 'critical' }]);
  expect(findings[0]?.remedy).toMatch(remedy);
});

test('a deployment whose id is no id is nothing that the agents know', async () => {
  expect((await inspect({ ...ended, deployment: '../plans/p1' })).subject).toBe('events/e1');
});
