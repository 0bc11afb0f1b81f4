import { describe, expect, test } from 'vitest';
import type { Verdict } from '../../../../shared/identity/tokens/verifyToken.ts';
import { percentiles } from '../../../../shared/specialists/mcp-performance-optimizer/measure.ts';
import {
  prefixOf,
  type StateMeasurements,
} from '../../../../shared/specialists/mcp-performance-optimizer/measureState.ts';
import type { TokenMeasurements } from '../../../../shared/specialists/mcp-performance-optimizer/measureTokens.ts';
import { stateFindings } from '../../../../shared/specialists/mcp-performance-optimizer/redisTasks.ts';
import { tokenFindings } from '../../../../shared/specialists/mcp-performance-optimizer/tokenTasks.ts';

const took = (ms: number) => ({ times: percentiles([ms]) });

describe('findings about the verification of tokens', () => {
  const actor: Verdict = {
    actor: { tenantId: 't', userId: 'u', kind: 'user', clientId: 'c', roles: ['Admin'], expiresAt: 0 },
  };
  const good: TokenMeasurements = {
    keys: took(20),
    token: 'session',
    cold: { ...took(30), last: actor },
    warm: took(0.3),
    remembered: took(0.01),
    keyFetches: 1,
  };

  test.each<[rule: string, severity: string, measured: Partial<TokenMeasurements>]>([
    ['key_fetch_slow', 'warning', { keys: took(2_500) }],
    ['token_verification_slow', 'warning', { warm: took(120) }],
    ['keys_fetched_again', 'warning', { keyFetches: 20 }],
    ['tokens_not_remembered', 'warning', { remembered: took(0.3) }],
    ['session_token_refused', 'warning', { cold: { ...took(30), last: { refusal: 'expired' } } }],
  ])('%s is found', (rule, severity, measured) => {
    expect(tokenFindings({ ...good, ...measured })).toMatchObject([{ rule, severity }]);
  });

  test('good measurements have no finding', () => {
    expect(tokenFindings(good)).toEqual([]);
  });

  test('an accepted forged token is critical', () => {
    expect(tokenFindings({ ...good, token: 'forged' })).toMatchObject([
      { rule: 'session_without_token' },
      { rule: 'forged_token_accepted', severity: 'critical' },
    ]);
  });
});

describe('findings about the state store', () => {
  const good: StateMeasurements = { kind: 'redis', set: took(1), get: took(1), remove: took(1) };

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

  test('the hit ratio of few reads is no finding', () => {
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
