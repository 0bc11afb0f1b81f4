import { describe, expect, test } from 'vitest';
import type { AuditRecord } from '../../../../shared/audit/model/record.ts';
import {
  explainRefusals,
  groupRefusals,
  reasons,
} from '../../../../shared/specialists/mcp-debugger/refusals.ts';

const record = (more: Partial<AuditRecord>): AuditRecord => ({
  id: 'c-0',
  at: '2026-01-01T00:00:00.000Z',
  tenantId: 't1',
  actor: 'unknown',
  action: 'sign_in',
  resource: 'expired',
  decision: 'refused',
  outcome: 'unauthenticated',
  durationMs: 0,
  traceId: 'a'.repeat(32),
  chain: 'c',
  seq: 0,
  previous: '',
  hash: '',
  ...more,
});

test.each(Object.keys(reasons))('the reason %s is explained with its rule and what to do', (reason) => {
  const [group] = groupRefusals([record({ resource: reason })]);
  if (!group) throw new Error('there is no group');
  const finding = explainRefusals(group, 'critical');
  expect(finding).toMatchObject({
    rule: `sign_in_${reason}`,
    severity: reason === 'missing' ? 'info' : 'critical',
    evidence: { reason, heldTo: expect.stringMatching(/\w/) as string },
  });
  expect(finding.remedy).not.toBe('');
});

describe('refusals', () => {
  test('are those of access: a mistyped tool lacks no permission, and own checks count for nobody', () => {
    const call = { action: 'tools/call', resource: 'servers/a/tools/eco', actor: 'u1' };
    expect(
      groupRefusals([
        record({ ...call, outcome: 'not_found' }),
        record({ ...call, outcome: 'invalid' }),
        record({ ownCheck: true }),
        record({ action: 'audit.read', resource: 'management', outcome: 'forbidden', ownCheck: true }),
      ]),
    ).toEqual([]);
  });

  test('of one reason and user are one group, with times, traces and counts', () => {
    const groups = groupRefusals([
      record({ at: '2026-01-01T00:00:05.000Z', actor: 'various', count: 40, traceId: '' }),
      record({ at: '2026-01-01T00:00:09.000Z', traceId: 'b'.repeat(32) }),
      record({ at: '2026-01-01T00:00:01.000Z' }),
      record({ decision: 'allowed' }),
      record({ actor: 'u1', action: 'audit.read', resource: 'management' }),
    ]);
    expect(groups).toMatchObject([
      { reason: 'expired', actor: 'various', count: 40, traceIds: [] },
      {
        reason: 'expired',
        count: 2,
        firstAt: '2026-01-01T00:00:01.000Z',
        lastAt: '2026-01-01T00:00:09.000Z',
        traceIds: ['b'.repeat(32), 'a'.repeat(32)],
      },
      { reason: 'audit.read', actor: 'u1', app: 'management', count: 1 },
    ]);
  });

  test.each([
    ['servers.write', 'Gateway.Admin', 'a permission of one role'],
    ['mcp.use', 'Gateway.Admin, Gateway.Operator, Gateway.User', 'a permission of several'],
    ['gone.since', 'no role', 'a permission of another version'],
  ])('for the permission %s name %s', (permission, roles) => {
    const [group] = groupRefusals([record({ actor: 'u1', action: permission, resource: 'mcp' })]);
    if (!group) throw new Error('there is no group');
    const { rule, message, evidence } = explainRefusals(group, 'warning');
    expect([rule, message]).toEqual([
      'permission_lacking',
      `a request of the user u1 was refused by the mcp app: their roles do not include the permission ${permission}`,
    ]);
    expect(evidence['heldTo']).toContain(roles);
  });
});
