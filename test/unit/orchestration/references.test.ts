import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../../shared/orchestration/model/outcome.ts';
import {
  findReferences,
  referencePointers,
  referencesAt,
  resolveReferences,
} from '../../../shared/orchestration/model/references.ts';

const success: Outcome = { success: true, result: { list: [{ 'a/b': 1, 'c~d': 2 }], none: null } };
const failure: Outcome = { success: false, error: { kind: 'unavailable', message: 'down' } };
const referents = {
  outcomeOf: (id: string) => ({ a: success, b: failure })[id],
  planError: { kind: 'unavailable', message: 'down' } as const,
};
/** As for an input whose every part the author of the plan wrote. */
const resolve = (input: unknown) => resolveReferences(input, referencePointers(input), referents);

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

  test('are all found, however deep, with their places', () => {
    const input = [
      { 'x/~': { $outcomeOf: 'a' } },
      { y: [{ $resultOf: 'b', at: '/c' }, { $planError: true }] },
    ];
    expect(findReferences(input)).toEqual([
      { pointer: '/0/x~1~0', reference: { kind: 'outcome', step: 'a' } },
      { pointer: '/1/y/0', reference: { kind: 'result', step: 'b', at: '/c' } },
      { pointer: '/1/y/1', reference: { kind: 'plan_error' } },
    ]);
    expect(resolve(input)).toEqual([{ 'x/~': success }, { y: [null, referents.planError] }]);
  });

  test('are replaced at the given places alone', () => {
    const lookalike = { $outcomeOf: 'a' };
    const input = { here: lookalike, there: { here: lookalike, list: [lookalike] } };
    expect(resolveReferences(input, ['/here'], referents)).toEqual({ ...input, here: success });
    expect(resolveReferences(input, ['/there/list/0', '/none', '/here/x'], referents)).toEqual({
      ...input,
      there: { here: lookalike, list: [success] },
    });
    expect(resolveReferences(input, [], referents)).toBe(input);
    expect(referencesAt(input, ['/there/here', '/none', '/there'])).toEqual([{ kind: 'outcome', step: 'a' }]);
  });

  test('that a value brings are data', () => {
    const referent = { outcomeOf: () => ({ success: true, result: { $planError: true } }) as const };
    const input = { x: { $resultOf: 'a' } };
    expect(resolveReferences(input, ['/x'], { ...referents, ...referent })).toEqual({
      x: { $planError: true },
    });
  });
});
