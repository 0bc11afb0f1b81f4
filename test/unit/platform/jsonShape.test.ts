import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isLongerThan } from '../../../shared/platform/base/jsonShape.ts';

test('the length of a value is that of its JSON where nothing in it is escaped', () => {
  const word = fc.stringMatching(/^[a-z]{0,8}$/);
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { depthSize: 'small' },
      word,
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('any'), { maxLength: 4 }),
      fc.dictionary(word, tie('any'), { maxKeys: 4 }),
    ),
  })).any;
  fc.assert(
    fc.property(value, (one) => {
      const { length } = JSON.stringify(one);
      expect(isLongerThan(one, length)).toBe(false);
      expect(isLongerThan(one, length - 1)).toBe(true);
    }),
  );
});
