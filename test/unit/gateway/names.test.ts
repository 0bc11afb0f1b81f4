import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  aggregateName,
  aggregateUri,
  findNamed,
  parseAggregateUri,
  slugIn,
} from '../../../shared/gateway/catalogue/names.ts';
import { slugSchema } from '../../../shared/registry/records/server.ts';

const slug = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/);
const anyName = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9_.-]{1,12}$/),
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  fc.stringMatching(/^[a_-]{0,3}__x[0-9a-v]{10}$/),
);
/** Few letters, so that two random addresses often are nearly the same. */
const closeSlug = fc.stringMatching(/^a-?b?a$|^[ab]$/);
const closeName = fc.oneof(fc.stringMatching(/^[aA\u0430_ -]{0,4}$/), fc.stringMatching(/^a{70,72}b?$/));

/** A name, and names that a person or a careless program would take for it. */
const lookAlikes = fc
  .oneof(
    anyName.filter((name) => name !== ''),
    fc.stringMatching(/^[a-z]{60,70}$/),
  )
  .map((name) => [
    name,
    name.toUpperCase(),
    name.toLowerCase(),
    name.normalize('NFC'),
    name.normalize('NFD'),
    name.normalize('NFKC'),
    name.replaceAll('a', '\u0430').replaceAll('e', '\u0435'),
    `${name}\u200b`,
    ` ${name}`,
    name.replaceAll(/[^A-Za-z0-9_.-]/g, '_'),
    // Alike up to the end that is cut off.
    ...['a', 'b'].map((end) => name.padEnd(64, 'x') + end),
    // What it is called on the endpoint of one server, with the hash if it has one.
    aggregateName({ slug: 'a', name }).slice('a__'.length),
  ]);
const hardNames = fc
  .array(lookAlikes, { minLength: 1, maxLength: 3 })
  .map((families) => [...new Set(families.flat())]);

describe('the name of a tool or a prompt', () => {
  test('is one that every client takes', () => {
    fc.assert(
      fc.property(slug, anyName, (slug, name) => {
        expect(aggregateName({ slug, name })).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
      }),
    );
  });

  test('is no other address’s: not by length, case, look-alikes or by looking like a hash', () => {
    fc.assert(
      fc.property(closeSlug, closeName, closeSlug, closeName, (slug, name, otherSlug, otherName) => {
        const same = slug === otherSlug && name === otherName;
        const [one, other] = [
          aggregateName({ slug, name }),
          aggregateName({ slug: otherSlug, name: otherName }),
        ];
        expect(one === other).toBe(same);
        // What is named by a hash is named alike by nothing that is not.
        expect(aggregateName({ slug: otherSlug, name: one.slice(one.indexOf('__') + 2) }) === one).toBe(
          slug === otherSlug && one === `${slug}__${name}`,
        );
      }),
      { numRuns: 5_000 },
    );
  });

  test('is one for each address of a whole catalogue, and the same whatever else there is and in whatever order', () => {
    fc.assert(
      fc.property(fc.uniqueArray(slug, { minLength: 1, maxLength: 3 }), hardNames, (slugs, names) => {
        const addresses = slugs.flatMap((slug) => names.map((name) => ({ slug, name })));
        const shown = addresses.map(aggregateName);
        expect(new Set(shown).size).toBe(addresses.length);
        const items = names.map((name) => ({ name }));
        addresses.forEach((address, index) => {
          const name = shown[index] ?? '';
          expect(aggregateName(address)).toBe(name);
          for (const list of [items, items.toReversed()]) {
            expect(findNamed(list, address.slug, name)?.name).toBe(address.name);
          }
          const others = items.filter((item) => item.name !== address.name);
          expect(findNamed(others, address.slug, name)).toBeUndefined();
        });
      }),
      { numRuns: 200 },
    );
  });

  test('finds its tool among those of its server, whatever else there is', () => {
    fc.assert(
      fc.property(slug, fc.uniqueArray(anyName, { minLength: 1, maxLength: 8 }), (slug, names) => {
        const items = names.map((name) => ({ name }));
        for (const item of items) {
          const name = aggregateName({ slug, name: item.name });
          expect(slugIn(name)).toBe(slug);
          expect(findNamed(items, slug, name)).toBe(item);
          expect(findNamed([item], slug, name)).toBe(item);
        }
      }),
    );
  });

  test.each([
    { why: 'short and plain', name: 'get_item', expected: 'shop__get_item' },
    { why: 'an underscore first, which meets the separator', name: '_x', expected: 'shop___x' },
    { why: 'the longest that stays', name: 'x'.repeat(58), expected: `shop__${'x'.repeat(58)}` },
    { why: 'one letter longer', name: 'x'.repeat(59), expected: `shop__${'x'.repeat(45)}__xufpokk3am1` },
    { why: 'a letter that is not ASCII', name: 'zählen', expected: 'shop__z_hlen__x' },
    { why: 'dots, which models refuse', name: 'catalog.get-entity', expected: 'shop__catalog_get-entity__x' },
    { why: 'slashes and spaces', name: 'a/b c', expected: 'shop__a_b_c__x' },
  ])('stays from version to version: $why', ({ name, expected }) => {
    const made = aggregateName({ slug: 'shop', name });
    expect(made.slice(0, expected.length)).toBe(expected);
  });

  test.each(['', '__', '__x', 'a__', 'a_x', 'a'])('is not %j', (name) => {
    expect(slugIn(name)).toBeUndefined();
  });
});

test('the URI of a resource gives back the address it was made of, and nobody else’s', () => {
  fc.assert(
    fc.property(slug, fc.string({ minLength: 1 }), fc.constantFrom('', 'ui://'), (slug, text, scheme) => {
      const uri = scheme + text;
      const shown = aggregateUri(slug, uri);
      expect(parseAggregateUri(shown)).toEqual({ slug, uri });
      expect(parseAggregateUri(aggregateUri(slug, shown))).toEqual({ slug, uri: shown });
      expect(shown.startsWith('ui://')).toBe(uri.startsWith('ui://'));
    }),
  );
  for (const text of [
    '',
    'mcp+',
    'mcp+a',
    'mcp+a+',
    'mcp++x',
    'test://a+b',
    'MCP+a+x',
    'ui://a+b',
    'ui://mcp+a',
  ]) {
    expect(parseAggregateUri(text)).toBeUndefined();
  }
});

test('the registry gives out no slug with a separator in it', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      if (slugSchema.safeParse(text).success) expect(text).not.toMatch(/[_+]/);
    }),
  );
});
