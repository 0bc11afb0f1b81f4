import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isSameSecret } from '../../../shared/platform/security/sameSecret.ts';

test('two secrets are the same only if they are equal, also where their lengths differ', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (one, other) => {
      expect(isSameSecret(one, other)).toBe(one === other);
      expect(isSameSecret(one, one)).toBe(true);
      expect(isSameSecret(one, `${one}a`)).toBe(false);
    }),
  );
});
