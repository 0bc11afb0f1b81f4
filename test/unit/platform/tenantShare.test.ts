import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createTenantPlaces, tenantShare } from '../../../shared/platform/concurrency/tenantShare.ts';

describe("a tenant's share", () => {
  test.each([
    { size: 10, others: 0, tenants: 1, share: 10, why: 'a gateway of one tenant has nobody to save it for' },
    { size: 10, others: 0, tenants: 2, share: 5, why: 'half is kept for the other tenant' },
    { size: 11, others: 0, tenants: 9, share: 6, why: 'it is rounded up' },
    { size: 12, others: 1, tenants: 2, share: 6, why: 'no third tenant can come' },
    { size: 12, others: 1, tenants: 3, share: 4, why: 'a third is kept for the third tenant' },
    { size: 1, others: 0, tenants: 2, share: 1, why: 'a thing of one place is given to somebody' },
  ])('of $size beside $others others of $tenants is $share: $why', ({ size, others, tenants, share }) => {
    expect(tenantShare(size, others, tenants)).toBe(share);
  });
});

describe('places', () => {
  test('are refused to a tenant that holds its share, while another tenant still gets one', () => {
    const places = createTenantPlaces(4, 2);
    places.take('a');
    const second = places.take('a');
    expect(places.take('a')).toEqual({ kind: 'share', atMost: 2 });
    expect(places.take('b').kind).toBe('taken');
    if (second.kind === 'taken') second.leave();
    expect(places.take('a').kind).toBe('taken');
  });

  test('of one thing are not taken by another thing', () => {
    const places = createTenantPlaces(1, 2);
    expect(places.take('a', 'x').kind).toBe('taken');
    expect(places.take('a', 'y').kind).toBe('taken');
    expect(places.take('b', 'x')).toEqual({ kind: 'full', atMost: 1 });
  });

  test('are given back once, however often they are left', () => {
    const places = createTenantPlaces(2, 1);
    const first = places.take('a');
    places.take('a');
    if (first.kind === 'taken') {
      first.leave();
      first.leave();
    }
    expect(places.take('a').kind).toBe('taken');
    expect(places.take('a').kind).toBe('full');
  });

  test('are left for one who comes first, whatever one tenant takes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 300 }), fc.integer({ min: 2, max: 50 }), (size, tenants) => {
        const places = createTenantPlaces(size, tenants);
        while (places.take('greedy').kind === 'taken');
        expect(places.take('quiet').kind).toBe('taken');
      }),
    );
  });
});
