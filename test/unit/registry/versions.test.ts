import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  latestKey,
  versionKey,
  versionsOf,
} from '../../../shared/registry/versions/azureTableVersionStore.ts';
import { edit, publish, setStatus } from '../../../shared/registry/versions/changes.ts';
import { isNewer, withLatest } from '../../../shared/registry/versions/latest.ts';
import type { Versions } from '../../../shared/registry/versions/publishedVersion.ts';
import { publication } from '../../support/publications.ts';

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1000);

/** The versions, published one after the other. */
function published(...versions: string[]): Versions {
  return versions.reduce<Versions>((before, version, index) => {
    const result = publish(publication('t', { version }), at(index))(before);
    return result.ok ? withLatest(result.value) : before;
  }, []);
}
const latestOf = (versions: Versions) =>
  versions.filter(({ isLatest }) => isLatest).map(({ server }) => server.version);
const after = (result: ReturnType<ReturnType<typeof publish>>): Versions => {
  if (!result.ok) throw new Error(result.error.message);
  return withLatest(result.value);
};

describe('isNewer', () => {
  const earlier = '2026-01-01T00:00:00.000Z';
  const later = '2026-01-01T00:00:01.000Z';

  test.each([
    ['1.0.0', '0.9.9', 'a higher major number'],
    ['1.10.0', '1.9.0', 'numbers, not text'],
    ['1.0.10', '1.0.9', 'numbers in every place'],
    ['1.0.0', '1.0.0-rc.1', 'a release after its prerelease'],
    ['1.0.0-rc.10', '1.0.0-rc.9', 'numeric identifiers as numbers'],
    ['1.0.0-rc.1', '1.0.0-beta.11', 'words in the order of letters'],
    ['1.0.0-alpha.beta', '1.0.0-alpha.1', 'a word after a number'],
    ['1.0.0-alpha.1', '1.0.0-alpha', 'more identifiers after fewer'],
    ['v2.0.0', '1.0.0', 'a v counts for nothing'],
    ['99999999999999999999.0.0', '99999999999999999998.0.0', 'numbers beyond what a double holds'],
    ['0.0.1', 'nightly', 'a semantic version after one that is not'],
    ['0.0.1', '2026.01.15', 'a date with a leading zero is no semantic version'],
    ['0.0.1', '2', 'one number is no semantic version'],
  ])('%s comes after %s, whichever was published first: %s', (newer, older) => {
    for (const [one, other] of [
      [earlier, later],
      [later, earlier],
    ] as const) {
      expect(isNewer({ version: newer, publishedAt: one }, { version: older, publishedAt: other })).toBe(
        true,
      );
      expect(isNewer({ version: older, publishedAt: other }, { version: newer, publishedAt: one })).toBe(
        false,
      );
    }
  });

  test.each([
    ['nightly', 'weekly'],
    ['b', 'a'],
    ['1.0.0+1', '1.0.0+2'],
  ])('between %s and %s the one that was published later is newer', (one, other) => {
    expect(isNewer({ version: one, publishedAt: later }, { version: other, publishedAt: earlier })).toBe(
      true,
    );
    expect(isNewer({ version: one, publishedAt: earlier }, { version: other, publishedAt: later })).toBe(
      false,
    );
  });

  test('is a strict order of all versions', () => {
    const version = fc.record({
      version: fc.oneof(
        fc.constantFrom(
          '1.0.0',
          '1.0.0-a',
          '1.0.0-a.1',
          '1.0.0-1',
          '1.0.0+x',
          'v1.0.0',
          'x',
          '2',
          '1.0',
          '01.0.0',
        ),
        fc.stringMatching(/^\d{1,2}\.\d\.\d(-[a-z0-9]{1,2}(\.[a-z0-9])?)?$/),
      ),
      publishedAt: fc.constantFrom(earlier, later),
    });
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(isNewer(a, a)).toBe(false);
        if (a.version !== b.version) expect(isNewer(a, b)).toBe(!isNewer(b, a));
        if (isNewer(a, b) && isNewer(b, c)) expect(isNewer(a, c)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the latest version', () => {
  test.each([
    [['1.0.0', '2.0.0', '1.5.0'], '2.0.0', 'the highest, not the last'],
    [['1.0.0', 'nightly'], '1.0.0', 'a semantic one before any that is not'],
    [['nightly', 'weekly'], 'weekly', 'the last of those that are not semantic'],
  ])('of %j is %s: %s', (versions, latest) => {
    expect(latestOf(published(...versions))).toEqual([latest]);
  });

  test('is not a deleted one while there is another, and comes back with it', () => {
    const both = published('1.0.0', '2.0.0');
    const deleted = after(setStatus('2.0.0', { status: 'deleted' }, at(9))(both));
    expect(latestOf(deleted)).toEqual(['1.0.0']);
    expect(latestOf(after(setStatus('2.0.0', { status: 'active' }, at(10))(deleted)))).toEqual(['2.0.0']);
    expect(latestOf(after(setStatus(undefined, { status: 'deleted' }, at(9))(both)))).toEqual(['2.0.0']);
  });

  test('may be a deprecated one', () => {
    const deprecated = after(
      setStatus('2.0.0', { status: 'deprecated' }, at(9))(published('1.0.0', '2.0.0')),
    );
    expect(latestOf(deprecated)).toEqual(['2.0.0']);
  });

  test('does not touch what stays as it is', () => {
    const versions = published('1.0.0', '2.0.0');
    expect(withLatest(versions).map((version, index) => version === versions[index])).toEqual([true, true]);
  });
});

describe('a status', () => {
  test('is set with its message and its time, on that version alone', () => {
    const [one, two] = after(
      setStatus(
        '1.0.0',
        { status: 'deprecated', statusMessage: 'Use v2' },
        at(9),
      )(published('1.0.0', '2.0.0')),
    );
    expect(one).toMatchObject({
      status: 'deprecated',
      statusMessage: 'Use v2',
      statusChangedAt: at(9).toISOString(),
      updatedAt: at(9).toISOString(),
      publishedAt: at(0).toISOString(),
    });
    expect(two).toMatchObject({ status: 'active', updatedAt: at(1).toISOString() });
  });

  test('loses its message when it changes to one without', () => {
    const deprecated = after(
      setStatus('1.0.0', { status: 'deprecated', statusMessage: 'Old' }, at(1))(published('1.0.0')),
    );
    const [active] = after(setStatus('1.0.0', { status: 'active' }, at(2))(deprecated));
    expect(active).not.toHaveProperty('statusMessage');
  });

  test.each([
    ['a version that there is not', '9.9.9', { status: 'deleted' as const }, 'not_found', 'Server not found'],
    [
      'a status that it has',
      '1.0.0',
      { status: 'active' as const },
      'invalid',
      'No changes to apply: status is already active',
    ],
    [
      'a message to active',
      '1.0.0',
      { status: 'active' as const, statusMessage: 'x' },
      'invalid',
      /statusMessage/,
    ],
  ])('is refused for %s', (_, version, update, kind, message) => {
    const result = setStatus(version, update, at(5))(published('1.0.0'));
    expect(result).toMatchObject({ ok: false, error: { kind } });
    if (!result.ok) expect(result.error.message).toMatch(message);
  });

  test('of all is set where it differs, and refused where none does', () => {
    const some = after(setStatus('1.0.0', { status: 'deleted' }, at(5))(published('1.0.0', '2.0.0')));
    const all = after(setStatus(undefined, { status: 'deleted' }, at(6))(some));
    expect(all.map(({ statusChangedAt }) => statusChangedAt)).toEqual(
      [at(5), at(6)].map((d) => d.toISOString()),
    );
    expect(setStatus(undefined, { status: 'deleted' }, at(7))(all)).toMatchObject({ ok: false });
  });

  test('that was set by a call whose answer was lost is set once more without a fault', () => {
    const decide = setStatus('1.0.0', { status: 'deleted' }, at(5));
    const once = after(decide(published('1.0.0')));
    expect(decide(once)).toEqual({ ok: true, value: once });
  });
});

describe('an edit', () => {
  test.each(['name', 'version', 'packages', 'remotes'])(
    'does not change %s, which clients rely on',
    (field) => {
      const versions = published('1.0.0');
      const server = { ...publication('t').server, [field]: 'other' };
      expect(edit('1.0.0', { server: server, tags: [] }, at(3))(versions)).toMatchObject({
        error: { kind: 'invalid', errors: [{ path: field }] },
      });
    },
  );

  test('of a version that there is not is refused', () => {
    expect(edit('2', { server: publication('t').server, tags: [] }, at(3))(published('1.0.0'))).toMatchObject(
      {
        error: { kind: 'not_found' },
      },
    );
  });
});

describe('row keys', () => {
  const name = fc
    .tuple(fc.stringMatching(/^[a-zA-Z0-9.-]{1,8}$/), fc.stringMatching(/^[a-zA-Z0-9._-]{1,8}$/))
    .map(([space, own]) => `${space}/${own}`);
  const version = fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 255 }).filter((text) => text.isWellFormed()),
    fc.stringMatching(/^[=%:~'()*!h0-9A-F]{1,6}$/),
  );

  test('are legal for every name and version, and no two have the same', () => {
    fc.assert(
      fc.property(name, version, name, version, (a, v, b, w) => {
        const [one, other] = [versionKey(a, v), versionKey(b, w)];
        expect(one).toMatch(/^v:[\w.-]+:[\w.-]+:[\w.=-]+$/);
        expect(one.length).toBeLessThanOrEqual(512);
        expect(one === other).toBe(a === b && v === w);
        expect(one.startsWith(versionsOf(b))).toBe(a === b);
        expect(latestKey(a) === latestKey(b)).toBe(a === b);
      }),
      { numRuns: 2_000 },
    );
  });

  test('hold the longest name with the longest version of any letters', () => {
    const long = `${'a'.repeat(100)}/${'b'.repeat(99)}`;
    const versions = ['é', '漢', '1'].flatMap((letter) => [
      `${letter.repeat(254)}1`,
      `${letter.repeat(254)}2`,
    ]);
    const keys = versions.map((version) => versionKey(long, version));
    expect(Math.max(...keys.map((key) => key.length))).toBeLessThanOrEqual(512);
    expect(new Set(keys).size).toBe(versions.length);
  });
});
