import { expect, test } from 'vitest';
import { judgeRecord } from '../../../infra/deploy/openRecord.ts';
import { type DeploymentRecord, readRecordIn } from '../../../infra/deploy/target.ts';

const now = new Date('2026-12-01T12:00:00.000Z');
const record: DeploymentRecord = {
  id: 'd1',
  environment: 'test',
  build: 'b',
  startedAt: '2026-12-01T11:40:00.000Z',
  updatedAt: '2026-12-01T11:50:00.000Z',
  host: 'here',
  pid: 7,
  step: 'deploy_mcp',
  outcome: 'running',
  kept: [],
  unproven: [],
};

test.each<[string, Partial<DeploymentRecord>, boolean, string]>([
  ['ended well', { outcome: 'succeeded' }, false, 'settled'],
  ['failed before any change', { outcome: 'failed' }, false, 'settled'],
  ['was rolled back', { outcome: 'rolled_back' }, false, 'settled'],
  ['could not be rolled back', { outcome: 'rollback_failed' }, false, 'left_open'],
  ['runs in a process of this machine', {}, true, 'busy'],
  ['ran in a process of this machine that is dead', {}, false, 'left_open'],
  ['may run on another machine', { host: 'there' }, false, 'busy'],
  [
    'made no step on another machine for more than an hour',
    { host: 'there', updatedAt: '2026-12-01T10:59:59.000Z' },
    true,
    'left_open',
  ],
  [
    'made no step for more than an hour, although another process has its process id now',
    { updatedAt: '2026-12-01T10:59:59.000Z' },
    true,
    'left_open',
  ],
  [
    'was stored by a machine whose clock is a day ahead',
    { host: 'there', updatedAt: '2026-12-02T12:00:00.000Z' },
    true,
    'left_open',
  ],
])('a deployment that %s', (_, change, isAlive, verdict) => {
  const self = { host: 'here', isAlive: () => isAlive };
  expect(judgeRecord({ ...record, ...change }, self, now)).toMatchObject({ verdict });
});

test('no deployment at all', () => {
  expect(judgeRecord(undefined, { host: 'here', isAlive: () => true }, now)).toEqual({ verdict: 'settled' });
});

test('a record is read as it was stored', () => {
  expect(readRecordIn(JSON.stringify(record), 'here')).toEqual(record);
});

test.each([
  ['torn', JSON.stringify(record).slice(0, 60)],
  ['empty', ''],
  ['of another form', '[]'],
  ['with a host that writes to the terminal', JSON.stringify({ ...record, host: '\u001b[2J' })],
  ['with the process id of a group', JSON.stringify({ ...record, pid: -1 })],
])('a record that is %s says where it is and what to do', (_, text) => {
  expect(() => readRecordIn(text, 'the place')).toThrow(
    /cannot be read: the place\. When nobody deploys, .*delete the record/,
  );
});
