import { expect, test } from 'vitest';
import { randomHex, randomId, randomSecret } from '../../../shared/platform/base/ids.ts';

test('no id comes twice, however often the stock of randomness is filled', () => {
  const ids = Array.from({ length: 10_000 }, () => [randomId(), randomHex(8)]).flat();
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.every((id) => /^(?:[0-9a-f]{16}){1,2}$/.test(id))).toBe(true);
  const high = ids.filter((id) => parseInt(id.charAt(0), 16) >= 8).length;
  expect(Math.abs(high / ids.length - 0.5)).toBeLessThan(0.05);
});

test('a secret has 256 bits of its own', () => {
  expect(randomSecret()).toMatch(/^[\w-]{43}$/);
  expect(randomSecret()).not.toBe(randomSecret());
});
