import { expect, test } from 'vitest';
import { createTenantCache } from '../../../shared/platform/concurrency/tenantCache.ts';

test('a tenant that fills the cache drops its own oldest entries, and none of a tenant that has fewer', () => {
  const cache = createTenantCache<number>(4);
  cache.set('b', 'b1', 1);
  for (let n = 1; n <= 100; n++) cache.set('a', `a${n}`, n);
  expect(cache.get('b1')).toBe(1);
  expect([cache.get('a97'), cache.get('a98'), cache.get('a100')]).toEqual([undefined, 98, 100]);
});

test('an entry that was put in again is the newest', () => {
  const cache = createTenantCache<number>(2);
  cache.set('a', 'x', 1);
  cache.set('a', 'y', 2);
  cache.set('a', 'x', 3);
  cache.set('a', 'z', 4);
  expect([cache.get('x'), cache.get('y'), cache.get('z')]).toEqual([3, undefined, 4]);
});

test('an entry that was touched is the newest, and an absent one stays absent', () => {
  const cache = createTenantCache<number>(2);
  cache.set('a', 'x', 1);
  cache.set('a', 'y', 2);
  cache.touch('x');
  cache.touch('absent');
  cache.set('a', 'z', 3);
  expect([cache.get('x'), cache.get('y'), cache.get('z')]).toEqual([1, undefined, 3]);
  expect(cache.get('absent')).toBeUndefined();
});

test('a deleted entry is gone, and makes room', () => {
  const cache = createTenantCache<number>(2);
  cache.set('a', 'x', 1);
  cache.set('a', 'y', 2);
  cache.delete('x');
  cache.delete('absent');
  cache.set('a', 'z', 3);
  expect([cache.get('x'), cache.get('y'), cache.get('z')]).toEqual([undefined, 2, 3]);
});
