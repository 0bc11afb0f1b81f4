import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../../shared/orchestration/delegation/outcome.ts';
import { referencesIn, resolveReferences } from '../../../shared/orchestration/plan/references.ts';

const success: Outcome = { success: true, result: { list: [{ 'a/b': 1, 'c~d': 2 }], none: null } };
const failure: Outcome = { success: false, error: { kind: 'unavailable', message: 'down' } };
const referents = {
  outcomeOf: (id: string) => ({ a: success, b: failure })[id],
  planError: { kind: 'unavailable', message: 'down' } as const,
};
const resolve = (input: unknown) => resolveReferences(input, referents);

describe('references', () => {
  test('are replaced wherever they stand, and all else stays', () => {
    const input = { x: [{ $outcomeOf: 'a' }, 1], y: { z: { $outcomeOf: 'b' } }, w: null, v: 'text' };
    expect(resolve(input)).toEqual({ x: [success, 1], y: { z: failure }, w: null, v: 'text' });
    expect(resolve({ why: { $planError: true } })).toEqual({ why: referents.planError });
  });

  test.each([
    ['', { list: [{ 'a/b': 1, 'c~d': 2 }], none: null }],
    ['/list/0/a~1b', 1],
    ['/list/0/c~0d', 2],
    ['/none', null],
    ['/list/1', null],
    ['/list/length', null],
    ['/toString', null],
    ['/__proto__', null],
    ['list', null],
  ])('to the part %j of a result bring %j', (at, part) => {
    expect(resolve({ $resultOf: 'a', at })).toEqual(part);
  });

  test.each<[input: object, why: string]>([
    [{ $outcomeOf: 'c' }, 'a step without an outcome'],
    [{ $resultOf: 'b' }, 'the result of a step that failed'],
  ])('%j, %s, bring null', (input) => {
    expect(resolve(input)).toBeNull();
  });

  test('are all found, however deep', () => {
    expect(
      referencesIn([{ x: { $outcomeOf: 'a' } }, { y: [{ $resultOf: 'b', at: '/c' }, { $planError: true }] }]),
    ).toEqual([
      { kind: 'outcome', step: 'a' },
      { kind: 'result', step: 'b', at: '/c' },
      { kind: 'plan_error' },
    ]);
  });
});
