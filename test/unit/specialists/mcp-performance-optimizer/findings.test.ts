import { describe, expect, test } from 'vitest';
import type { Verdict } from '../../../../shared/identity/tokens/verifyToken.ts';
import { prefixOf } from '../../../../shared/specialists/mcp-performance-optimizer/keyTimes.ts';
import { percentiles } from '../../../../shared/specialists/mcp-performance-optimizer/measure.ts';
import { stateFindings } from '../../../../shared/specialists/mcp-performance-optimizer/stateFindings.ts';
import type { StateLook } from '../../../../shared/specialists/mcp-performance-optimizer/measureState.ts';
import { tokenFindings } from '../../../../shared/specialists/mcp-performance-optimizer/tokenTasks.ts';
import type { TokensLook } from '../../../../shared/specialists/mcp-performance-optimizer/measureTokens.ts';

const took = (ms: number) => ({ times: percentiles([ms]) });

describe('of the verification of tokens', () => {
  const principal: Verdict = {
    principal: { tenantId: 't', userId: 'u', kind: 'user', clientId: 'c', roles: ['Admin'], expiresAt: 0 },
  };
  const good: TokensLook = {
    keys: took(20),
    token: 'session',
    cold: { ...took(30), last: principal },
    warm: took(0.3),
    remembered: took(0.01),
    keyFetches: 1,
  };

  test.each<[rule: string, severity: string, look: Partial<TokensLook>]>([
    ['key_fetch_slow', 'warning', { keys: took(2_500) }],
    ['token_verification_slow', 'warning', { warm: took(120) }],
    ['keys_fetched_again', 'warning', { keyFetches: 20 }],
    ['tokens_not_remembered', 'warning', { remembered: took(0.3) }],
    ['session_token_refused', 'warning', { cold: { ...took(30), last: { refusal: 'expired' } } }],
  ])('%s is found', (rule, severity, look) => {
    expect(tokenFindings({ ...good, ...look })).toMatchObject([{ rule, severity }]);
  });

  test('nothing is found where all is well', () => {
    expect(tokenFindings(good)).toEqual([]);
  });

  test('a forged token that is accepted is the worst that there is', () => {
    expect(tokenFindings({ ...good, token: 'forged' })).toMatchObject([
      { rule: 'session_without_token' },
      { rule: 'forged_token_accepted', severity: 'critical' },
    ]);
  });
});

describe('of the store of the state', () => {
  const good: StateLook = { kind: 'redis', set: took(1), get: took(1), remove: took(1) };

  test('an operation over its budget is named, with the budget of its store', () => {
    expect(stateFindings({ ...good, get: took(300) })).toMatchObject([
      { rule: 'redis_slow', severity: 'warning', evidence: { operation: 'get', budgetMs: 250, p50Ms: 300 } },
    ]);
    expect(stateFindings({ ...good, kind: 'tables', get: took(300) })).toMatchObject([
      { rule: 'state_on_tables', severity: 'info' },
    ]);
    expect(stateFindings({ ...good, kind: 'tables', set: took(2_100) })).toMatchObject([
      { rule: 'state_on_tables' },
      { rule: 'state_slow', evidence: { operation: 'set', budgetMs: 2_000 } },
    ]);
  });

  test('few reads say nothing about their ratio', () => {
    const info = new Map([
      ['keyspace_hits', '10'],
      ['keyspace_misses', '989'],
      ['maxmemory_policy', 'noeviction'],
    ]);
    expect(stateFindings({ ...good, info: { last: info } })).toEqual([]);
    info.set('keyspace_misses', '990');
    expect(stateFindings({ ...good, info: { last: info } })).toMatchObject([{ rule: 'redis_low_hit_ratio' }]);
  });
});

test.each([
  ['mreg:session:0123', 'mreg:session:'],
  ['mreg:pools', 'mreg:'],
  ['counter:mreg:event:["x"]', 'counter:mreg:event:'],
  ['lease:mreg:refresh:contoso:stock', 'lease:mreg:refresh:'],
  ['mreg:7c9e6679-7425-40de-944b-e07fc1f90ae7:x', 'mreg:'],
  ['payroll:alice', 'other'],
  ['', 'other'],
])('the key %s is one of %s', (key, prefix) => {
  expect(prefixOf(key)).toBe(prefix);
});
