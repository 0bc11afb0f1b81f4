import fc from 'fast-check';
import { expect, test } from 'vitest';
import { aggregateName, parseAggregateName } from '../../../shared/gateway/names.ts';
import { slugSchema } from '../../../shared/registry/server.ts';

const slug = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,6}[a-z0-9])?$/);
const tool = fc.stringMatching(/^[A-Za-z0-9_.-]{1,12}$/);
/** Few letters, so that two random addresses often are nearly the same. */
const closeSlug = fc.stringMatching(/^a-?b?a$|^[ab]$/);
const closeTool = fc.stringMatching(/^[a_-]{1,5}$/);

test('a name gives back the address it was made of', () => {
  fc.assert(
    fc.property(slug, tool, (slug, tool) => {
      const name = aggregateName({ slug, tool });
      expect(name).toBeDefined();
      expect(parseAggregateName(name ?? '')).toEqual({ slug, tool });
    }),
  );
});

test('no two addresses share a name', () => {
  fc.assert(
    fc.property(closeSlug, closeTool, closeSlug, closeTool, (slug, tool, otherSlug, otherTool) => {
      const same = slug === otherSlug && tool === otherTool;
      const names = [aggregateName({ slug, tool }), aggregateName({ slug: otherSlug, tool: otherTool })];
      expect(names[0] === names[1]).toBe(same);
    }),
    { numRuns: 2_000 },
  );
});

test('a name that can be taken apart is the name of what it gives', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a_.é/-]{0,12}$/), (name) => {
      const address = parseAggregateName(name);
      if (address !== undefined) expect(aggregateName(address)).toBe(name);
    }),
    { numRuns: 2_000 },
  );
});

test('the registry gives out no slug with the separator in it', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      if (slugSchema.safeParse(text).success) expect(text).not.toContain('_');
    }),
  );
});

test.each([
  { why: 'the longest name that clients accept', slug: 'a', tool: 'x'.repeat(125), kept: true },
  { why: 'one character more', slug: 'a', tool: 'x'.repeat(126), kept: false },
  { why: 'a letter that is not ASCII', slug: 'a', tool: 'zählen', kept: false },
  { why: 'a slash', slug: 'a', tool: 'x/y', kept: false },
  { why: 'a space', slug: 'a', tool: 'x y', kept: false },
  { why: 'nothing', slug: 'a', tool: '', kept: false },
  { why: 'an underscore first, which meets the separator', slug: 'a', tool: '_x', kept: true },
])('a tool named with $why has a name: $kept', ({ slug, tool, kept }) => {
  expect(aggregateName({ slug, tool }) !== undefined).toBe(kept);
});

test.each(['', '__', '__x', 'a__', 'a_x', 'a', `a__${'x'.repeat(126)}`, 'a__x/y'])(
  '%j is the name of no tool',
  (name) => {
    expect(parseAggregateName(name)).toBeUndefined();
  },
);
