import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Heap } from '../../src/heap.ts';

test('a heap gives its items in order, whichever were removed from it before', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ push: fc.nat(1000) }) },
    { weight: 2, arbitrary: fc.record({ remove: fc.nat(50) }) },
    { weight: 1, arbitrary: fc.constant('shift' as const) },
  );
  fc.assert(
    fc.property(fc.array(step, { minLength: 50, maxLength: 200 }), (steps) => {
      const heap = new Heap<{ readonly rank: number }>((a, b) => a.rank < b.rank);
      const model: { readonly rank: number }[] = [];
      for (const action of steps) {
        if (action === 'shift') {
          const first = heap.shift();
          expect(first?.rank).toBe(model[0]?.rank);
          if (first) model.splice(model.indexOf(first), 1); // of several that are equal, this one
        } else if ('push' in action) {
          const item = { rank: action.push };
          heap.push(item);
          model.push(item);
          model.sort((a, b) => a.rank - b.rank);
        } else {
          const [item = { rank: 0 }] = model.splice(action.remove, 1);
          heap.delete(item);
        }
        expect(heap.size).toBe(model.length);
      }
      const rest = Array.from({ length: heap.size }, () => heap.shift()?.rank);
      expect(rest).toEqual(model.map(({ rank }) => rank));
    }),
    { numRuns: 200 },
  );
});
