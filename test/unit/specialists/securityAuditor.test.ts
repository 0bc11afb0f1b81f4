import { beforeAll, describe, expect, test } from 'vitest';
import type { AuditRecord } from '../../../shared/audit/model/record.ts';
import { isPermission, isPermitted, permissionNames } from '../../../shared/identity/access/permissions.ts';
import { decidingRule, explainToken } from '../../../shared/identity/tokens/explainToken.ts';
import type { TokenSettings } from '../../../shared/identity/tokens/tokenFacts.ts';
import { tokenRule } from '../../../shared/identity/tokens/tokenRules.ts';
import {
  accessFindings,
  actorWith,
  type MayDo,
} from '../../../shared/specialists/mcp-security-auditor/accessRules.ts';
import { analyseRecords } from '../../../shared/specialists/mcp-security-auditor/auditTrailAnalysis.ts';
import {
  type Forged,
  type ForgersKey,
  forgeTokens,
  makeForgersKey,
} from '../../../shared/specialists/mcp-security-auditor/forgeTokens.ts';

const tenant = '11111111-1111-4111-8111-111111111111';
const rules = { authority: 'https://login.example', audience: tenant, tenants: new Set([tenant]) };
const now = new Date('2026-03-02T12:00:00Z');
const issuer = 'https://mcp.contoso.com';
const resource = `${issuer}/mcp`;

describe.each(['entra', 'gateway'] as const)('an explained token of %s', (kind) => {
  let key: ForgersKey;
  let forged: Forged;
  let settings: TokenSettings;
  beforeAll(async () => {
    key = await makeForgersKey(kind);
    const stranger = await makeForgersKey(kind);
    settings = { ...rules, gateway: { issuer, keys: [{ ...key.jwk, issuer }] } };
    const shared = { kind, rules: settings, resource, tenant, now };
    forged = await forgeTokens({ ...shared, signer: key, stranger, named: key.jwk });
  });
  const explain = (token: string) =>
    explainToken(token, { settings, resource, now }, [
      { ...key.jwk, issuer: `${rules.authority}/{tenantid}/v2.0` },
    ]);
  const named = (fault: string) => (kind === 'entra' ? fault : `of the gateway itself, ${fault}`);

  test('keeps every rule when it is flawless', async () => {
    const steps = await explain(forged.flawless);
    expect(steps.filter(({ passed }) => passed !== true)).toEqual([]);
  });

  test('is decided by the rule that the verifier refuses it for, whatever is wrong with it', async () => {
    const decided = await Promise.all(
      forged.forgeries.map(async ({ kind, token }) => [kind, decidingRule(await explain(token))]),
    );
    const expected = {
      unsigned: 'form',
      'unsigned, with something for a signature': 'algorithm',
      'signed with another key': 'signature',
      'HS256 with the public key for a secret': 'algorithm',
      'changed after it was signed': 'signature',
      'for another audience': 'audience',
      'of another issuer': kind === 'entra' ? 'issuer' : 'algorithm',
      'of a tenant that may not sign in': 'tenant',
      expired: 'expiry',
      'not yet valid': 'not_before',
      'without an end': 'claims',
      'without the scope': 'scope',
      'without a role': 'role',
    };
    expect(Object.fromEntries(decided)).toEqual(
      Object.fromEntries(Object.entries(expected).map(([fault, rule]) => [named(fault), rule])),
    );
  });

  test('is refused by the verifier for the reason of the rule that decides', async () => {
    const reasons = await Promise.all(
      forged.forgeries.map(async ({ token, refusal }) => {
        const rule = decidingRule(await explain(token));
        return [rule && tokenRule(rule).refusal, refusal];
      }),
    );
    for (const [explained, refusal] of reasons) expect(explained).toBe(refusal);
    expect(reasons.length).toBeGreaterThan(10);
  });

  test('without keys of Entra is judged by its claims, and its signature is left open', async () => {
    const steps = await explainToken(forged.flawless, { settings, resource, now }, undefined);
    const open = steps.filter(({ passed }) => passed === undefined).map(({ rule }) => rule);
    // The gateway has its own keys without fetching them.
    const unknown = kind === 'entra' ? ['key', 'signature', 'key_issuer'] : [];
    expect([open, decidingRule(steps)]).toEqual([unknown, undefined]);
  });
});

describe('the rights of roles', () => {
  const real: MayDo = (granted, name) =>
    isPermission(name) && isPermitted(actorWith(granted, 't'), name, 't');
  const rulesFor = (mayDo: MayDo, isKnown = isPermission as (name: string) => boolean) =>
    accessFindings(permissionNames, mayDo, isKnown).map(({ rule }) => rule);

  test('are as they are meant', () => {
    expect(rulesFor(real)).toEqual([]);
  });

  test.each<[string, MayDo]>([
    [
      'no_role_no_right',
      (granted, name) => real(granted, name) || (granted.length === 0 && name === 'servers.read'),
    ],
    [
      'auditor_only_looks',
      (granted, name) => real(granted, name) || (granted.includes('Auditor') && name === 'servers.write'),
    ],
    [
      'user_only_uses',
      (granted, name) => real(granted, name) || (granted.includes('User') && name === 'audit.read'),
    ],
    [
      'operator_does_not_administer',
      (granted, name) => real(granted, name) || (granted.includes('Operator') && name === 'servers.write'),
    ],
    ['right_of_nobody', (granted, name) => name !== 'mcp.use' && real(granted, name)],
  ])('that break %s are found', (rule, mayDo) => {
    expect(rulesFor(mayDo)).toContain(rule);
  });

  test('that are found by the name of what every object has are no rights', () => {
    expect(rulesFor(real, (name) => name in {})).toContain('denied_by_default');
  });
});

describe('records of a span', () => {
  let seq = 0;
  const record = (at: string, more: Partial<AuditRecord> = {}): AuditRecord => ({
    id: `c-${(seq += 1)}`,
    at,
    tenantId: tenant,
    actor: tenant,
    action: 'tools/call',
    resource: 'servers/a/tools/b',
    decision: 'allowed',
    outcome: 'succeeded',
    durationMs: 1,
    traceId: '',
    chain: 'c',
    seq,
    previous: '',
    hash: '',
    ...more,
  });
  const rulesIn = (records: AuditRecord[]) =>
    analyseRecords(records, { now, hours: { from: 6, to: 20, offsetMinutes: 0 } }).findings.map(
      ({ rule }) => rule,
    );
  const refused = { decision: 'refused', action: 'sign_in', resource: 'expired' } as const;

  const mistyped = { decision: 'refused', outcome: 'not_found' } as const;

  test('of mistyped tools are mistakes and no refusals of access', () => {
    const records = [record('2026-03-02T11:00:00.000Z', mistyped)];
    const { facts } = analyseRecords(records, { now, hours: { from: 6, to: 20, offsetMinutes: 0 } });
    expect(facts).toMatchObject({
      refusals: { total: 0, byReason: {} },
      mistakes: { total: 1, byResource: { 'servers/a/tools/b': 1 } },
    });
  });

  test('of checks of the gateway by itself count for nobody, and break no silence', () => {
    const own = { ownCheck: true } as const;
    const forged = Array.from({ length: 40 }, () =>
      record('2026-03-02T11:00:10.000Z', { ...refused, ...own }),
    );
    const calls = Array.from({ length: 40 }, () => record('2026-03-02T11:00:10.000Z', own));
    const { facts } = analyseRecords(forged, { now, hours: { from: 6, to: 20, offsetMinutes: 0 } });
    expect(facts).toMatchObject({ records: 40, ownChecks: 40, byAction: {}, refusals: { total: 0 } });
    expect(rulesIn([...forged, ...calls])).toEqual([]);
    const between = record('2026-03-01T23:00:00.000Z', own);
    const [late, early] = [record('2026-03-02T11:00:00.000Z'), record('2026-03-01T11:00:00.000Z')];
    expect(rulesIn([late, between, early])).toEqual(['silence']);
  });

  test('that are as usual say nothing', () => {
    expect(
      rulesIn([record('2026-03-02T11:00:00.000Z'), record('2026-03-02T10:00:00.000Z', refused)]),
    ).toEqual([]);
  });

  test.each<[string, AuditRecord[]]>([
    ['burst_of_refusals', Array.from({ length: 20 }, () => record('2026-03-02T11:00:10.000Z', refused))],
    ['burst_of_refusals', [record('2026-03-02T11:00:10.000Z', { ...refused, count: 20 })]],
    [
      'burst_of_mistakes',
      Array.from({ length: 20 }, () => record('2026-03-02T11:00:10.000Z', { ...mistyped, actor: 'a' })),
    ],
    ['odd_hours', [record('2026-03-02T03:00:00.000Z', { action: 'servers.delete' })]],
    ['acts_unended', [record('2026-03-02T11:00:00.000Z', { outcome: 'begun' })]],
    ['records_lost', [record('2026-03-02T11:00:00.000Z', { action: 'audit.overflow', count: 3 })]],
    ['silence', [record('2026-03-02T11:00:00.000Z'), record('2026-03-01T11:00:00.000Z')]],
  ])('tell of %s', (rule, records) => {
    expect(rulesIn(records)).toEqual([rule]);
  });

  test('that are spread, of clients that ask for a token first, ended or by no person, do not', () => {
    const spread = Array.from({ length: 40 }, (_, minute) =>
      record(`2026-03-02T11:${String(minute).padStart(2, '0')}:00.000Z`, refused),
    ).reverse();
    const begun = record('2026-03-02T11:00:00.000Z', { outcome: 'begun' });
    const ended = record('2026-03-02T11:00:01.000Z', { begunBy: begun.id });
    const timer = record('2026-03-02T03:00:00.000Z', { action: 'servers.update', actor: 'registry-sync' });
    const asking = Array.from({ length: 40 }, () =>
      record('2026-03-02T11:00:00.000Z', { ...refused, resource: 'missing' }),
    );
    expect(rulesIn(asking)).toEqual([]);
    expect([rulesIn(spread), rulesIn([ended, begun]), rulesIn([timer])]).toEqual([[], [], []]);
  });
});
