import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { slugsFor } from '../../../../shared/registry/import/slugs.ts';
import { slugSchema } from '../../../../shared/registry/records/server.ts';

describe('slugs of names', () => {
  test.each([
    ['github', 'github', 'a slug stays'],
    ['GitHub', 'github', 'small letters'],
    ['My Server (prod)', 'my-server-prod', 'one dash for all between'],
    ['my_server', 'my-server', 'no _, which parts slug and tool'],
    ['com.example/inventory', 'com-example-inventory', 'a name of a registry'],
    ['-x-', 'x', 'no dash at an end'],
    ['a'.repeat(40), 'a'.repeat(40), 'as long as a slug may be'],
  ])('%j becomes %j: %s', (name, slug) => {
    expect(slugsFor([name]).get(name)).toBe(slug);
  });

  test.each([
    ['a'.repeat(41), /^a{31}-[0-9a-f]{8}$/, 'too long'],
    ['', /^server-[0-9a-f]{8}$/, 'nothing'],
    ['在庫', /^server-[0-9a-f]{8}$/, 'no letter that a slug has'],
  ])('%j gets a mark: %s', (name, pattern) => {
    expect(slugsFor([name]).get(name)).toMatch(pattern);
  });

  test('that read alike are told apart, and the one that is a slug keeps it', () => {
    const slugs = slugsFor(['GitHub', 'github', 'git hub', 'git_hub']);
    expect(slugs.get('github')).toBe('github');
    expect(slugs.get('GitHub')).toMatch(/^github-[0-9a-f]{8}$/);
    expect(slugs.get('git hub')).toMatch(/^git-hub-[0-9a-f]{8}$/);
    expect(new Set(slugs.values()).size).toBe(4);
  });

  test('are told apart also from a name that is spelled as the mark of another', () => {
    const [marked = ''] = ['GitHub'].map((name) => slugsFor(['github', name]).get(name));
    const slugs = slugsFor(['github', 'GitHub', marked]);
    expect(slugs.get(marked)).toBe(marked);
    expect(new Set(slugs.values()).size).toBe(3);
  });

  test('of halves of characters are told apart', () => {
    const names = Array.from({ length: 9 }, (_, index) => String.fromCharCode(0xd800 + index));
    expect(new Set(slugsFor(names).values()).size).toBe(9);
  });

  test('are slugs, no two alike, and the same in every order', () => {
    const name = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.stringMatching(/^[aA._ -]{0,4}$/),
      fc.stringMatching(/^[a-b-]{38,42}$/),
    );
    fc.assert(
      fc.property(fc.uniqueArray(name, { maxLength: 30 }), (names) => {
        const slugs = slugsFor(names);
        expect(slugs.size).toBe(names.length);
        expect(new Set(slugs.values()).size).toBe(names.length);
        for (const slug of slugs.values()) expect(slugSchema.safeParse(slug).success).toBe(true);
        expect(new Map(slugsFor(names.toReversed()))).toEqual(new Map(slugs));
      }),
      { numRuns: 2_000 },
    );
  });
});
