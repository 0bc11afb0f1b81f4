import { describe, expect, test } from 'vitest';
import { readUpstreamEntry } from '../../../../shared/registry/officialApi/upstreamEntry.ts';
import { follow, type Followed } from '../../../../shared/registry/sync/follow.ts';
import { edit, publish, setStatus } from '../../../../shared/registry/versions/changes.ts';
import type { PublishedVersion, Versions } from '../../../../shared/registry/versions/publishedVersion.ts';
import { upstreamEntry } from '../../../support/fakeRegistry.ts';
import { publication } from '../../../support/publications.ts';
import { serverJson } from '../../../support/serverJson.ts';

const now = new Date('2026-01-01T00:00:00.000Z');
const later = new Date('2026-01-02T00:00:00.000Z');
const OFFICIAL = 'io.modelcontextprotocol.registry/official';
const told = '2025-11-01T10:00:00.123Z';

function followed(entry: unknown, versions: Versions = [], at = now): Followed {
  const read = readUpstreamEntry(entry);
  if (!read.ok) throw new Error(read.error.message);
  return follow(read.value, versions, { tenantId: 't', source: 'registry.example.com', now: at });
}
const taken = (official = {}, server = {}): Versions => followed(upstreamEntry(server, official)).versions;
const after = (result: ReturnType<ReturnType<typeof publish>>): Versions => {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
};
const own = (more: Record<string, unknown> = {}): Versions => after(publish(publication('t', more), now)([]));
const only = ({ versions }: Followed): PublishedVersion | undefined => versions[0];

describe('an entry of a version that is not here', () => {
  test('is published as its registry has it, with its times, and says where it comes from', () => {
    const { outcome, versions } = followed(upstreamEntry({ 'x-unknown': 1 }, { status: 'active' }));
    expect(outcome).toBe('published');
    expect(versions).toEqual([
      {
        tenantId: 't',
        server: serverJson({ 'x-unknown': 1 }),
        status: 'active',
        statusChangedAt: told,
        publishedAt: told,
        updatedAt: told,
        isLatest: false,
        publicationId: 'upstream',
        tags: [],
        upstream: { source: 'registry.example.com', takenAt: now.toISOString(), decidedHere: [] },
      },
    ]);
  });

  test.each([
    [
      { status: 'deprecated', statusMessage: 'Use 2' },
      { status: 'deprecated', statusMessage: 'Use 2' },
    ],
    [
      { status: 'deleted', statusMessage: '' },
      { status: 'deleted', statusMessage: undefined },
    ],
    [
      { status: 'active', statusMessage: 'Hello' },
      { status: 'active', statusMessage: undefined },
    ],
  ])('has the status of %j', (official, expected) => {
    const [version] = taken(official);
    expect({ status: version?.status, statusMessage: version?.statusMessage }).toEqual(expected);
  });

  test.each([
    ['that its registry does not give', undefined, now],
    ['that is none', 'yesterday', now],
    ['that is yet to come', '9999-12-31T23:59:59Z', now],
    ['with an offset', '2025-11-01T12:00:00+02:00', new Date('2025-11-01T10:00:00Z')],
    ['that an offset takes out of all years', '0000-01-01T00:00:00+23:00', now],
    ['ahead by as much as clocks may differ', '2026-01-01T00:05:00Z', new Date('2026-01-01T00:05:00Z')],
  ])('whose time is one %s is published all the same', (_, time, expected) => {
    const [version] = taken({ publishedAt: time, updatedAt: time, statusChangedAt: time });
    expect(version).toMatchObject({
      publishedAt: expected.toISOString(),
      updatedAt: expected.toISOString(),
      statusChangedAt: expected.toISOString(),
    });
  });

  test('needs nothing but the document', () => {
    expect(followed({ server: serverJson() }).outcome).toBe('published');
    expect(followed({ server: serverJson(), _meta: null }).outcome).toBe('published');
  });

  test('gets no tags from elsewhere, which would open it to the readers of a link', () => {
    const [version] = taken({}, { _meta: { 'mcp-registry-gateway/server': { tags: ['finance'] }, x: 1 } });
    expect(version?.tags).toEqual([]);
    expect(version?.server['_meta']).toEqual({ x: 1 });
  });

  test('does not come in under a name that is published under here, whichever version it is', () => {
    for (const version of ['1.0.0', '99.0.0']) {
      const versions = own();
      expect(followed(upstreamEntry({ version, title: 'Theirs' }), versions)).toEqual({
        versions,
        outcome: 'ours',
      });
    }
  });
});

describe('an entry of a version that was taken over', () => {
  test('changes nothing where it says what it said before', () => {
    const versions = taken();
    expect(followed(upstreamEntry(), versions, later)).toEqual({ versions, outcome: 'unchanged' });
    const bare = followed({ server: serverJson() }).versions;
    expect(followed({ server: serverJson() }, bare, later).outcome).toBe('unchanged');
  });

  test.each([
    ['active', 'deprecated'],
    ['active', 'deleted'],
    ['deprecated', 'active'],
    ['deleted', 'active'],
  ])('follows from %s to %s, with message and times', (before, status) => {
    const message = status === 'active' ? undefined : 'As they say';
    const changed = {
      status,
      statusMessage: message,
      statusChangedAt: '2025-12-01T00:00:00Z',
      updatedAt: '2025-12-01T00:00:00Z',
    };
    const result = followed(
      upstreamEntry({}, changed),
      taken({ status: before, statusMessage: 'Before' }),
      later,
    );
    expect(result.outcome).toBe('updated');
    expect(only(result)).toMatchObject({
      status,
      statusChangedAt: '2025-12-01T00:00:00.000Z',
      updatedAt: '2025-12-01T00:00:00.000Z',
      publishedAt: told,
      upstream: { takenAt: later.toISOString(), decidedHere: [] },
    });
    expect(only(result)?.statusMessage).toBe(message);
  });

  test('dates a change of status by now where its registry does not', () => {
    const entry = { server: serverJson(), _meta: { [OFFICIAL]: { status: 'deleted' } } };
    expect(only(followed(entry, taken(), later))?.statusChangedAt).toBe(later.toISOString());
  });

  test('follows how it is described', () => {
    const entry = upstreamEntry({ description: 'Better words' }, { updatedAt: '2025-12-01T00:00:00Z' });
    const result = followed(entry, taken(), later);
    expect(result.outcome).toBe('updated');
    expect(only(result)).toMatchObject({ server: { description: 'Better words' }, status: 'active' });
  });

  test('never changes what clients run of it, and follows its status all the same', () => {
    const remotes = [{ type: 'streamable-http', url: 'https://evil.example.com/mcp' }];
    const versions = taken();
    expect(followed(upstreamEntry({ remotes }), versions, later)).toEqual({ versions, outcome: 'altered' });
    const deleted = followed(upstreamEntry({ remotes }, { status: 'deleted' }), versions, later);
    expect(deleted.outcome).toBe('updated');
    expect(only(deleted)).toMatchObject({ status: 'deleted', server: serverJson() });
  });

  test('follows its status also once the name is published under here', () => {
    const versions = after(publish(publication('t', { version: '9.0.0' }), now)(taken()));
    const result = followed(upstreamEntry({}, { status: 'deleted' }), versions, later);
    expect(result.versions.map(({ status }) => status)).toEqual(['deleted', 'active']);
  });
});

describe('what was decided here by hand', () => {
  test.each(['deprecated', 'deleted'] as const)(
    'is kept: %s stays, whatever the other registry says',
    (status) => {
      const versions = after(setStatus('1.0.0', { status, statusMessage: 'Ours' }, later)(taken()));
      expect(versions[0]?.upstream?.decidedHere).toEqual(['status']);
      for (const theirs of ['active', 'deprecated', 'deleted']) {
        const entry = upstreamEntry({}, { status: theirs, statusMessage: 'Theirs', updatedAt: told });
        expect(followed(entry, versions, later)).toEqual({ versions, outcome: 'unchanged' });
      }
    },
  );

  test('is kept when it was to bring a version back', () => {
    const versions = after(setStatus('1.0.0', { status: 'active' }, later)(taken({ status: 'deleted' })));
    expect(followed(upstreamEntry({}, { status: 'deleted' }), versions, later).outcome).toBe('unchanged');
  });

  test('is kept of a description and its tags, while the status follows', () => {
    const server = serverJson({ description: 'Our words' }) as PublishedVersion['server'];
    const versions = after(edit('1.0.0', { server, tags: ['finance'] }, later)(taken()));
    const result = followed(
      upstreamEntry({ description: 'Theirs' }, { status: 'deprecated' }),
      versions,
      later,
    );
    expect(only(result)).toMatchObject({
      server: { description: 'Our words' },
      tags: ['finance'],
      status: 'deprecated',
      updatedAt: later.toISOString(),
      upstream: { decidedHere: ['description'] },
    });
  });

  test('of a version that was published here is noted nowhere', () => {
    const [version] = after(setStatus('1.0.0', { status: 'deleted' }, later)(own()));
    expect(version).not.toHaveProperty('upstream');
  });
});

describe('an entry that cannot be read', () => {
  test.each([
    [null, 'nothing'],
    [[], 'a list'],
    [{}, 'no document'],
    [upstreamEntry({ version: '^1.0.0' }), 'a range'],
    [upstreamEntry({ name: 'inventory' }), 'no namespace'],
    [upstreamEntry({ remotes: [{ type: 'streamable-http', url: 'javascript:alert(1)' }] }), 'no web address'],
    [upstreamEntry({ 'x-long': 'x'.repeat(40_000) }), 'too long for a row'],
    [upstreamEntry({}, { status: 'hidden' }), 'a status that nobody knows'],
    [JSON.parse('{"server":{"__proto__":{"a":1}}}'), 'a key that changes prototypes'],
    [{ server: serverJson(), _meta: { [OFFICIAL]: null } }, 'a registry’s word that is none'],
  ])('%j is refused: %s', (entry) => {
    expect(readUpstreamEntry(entry)).toMatchObject({ ok: false, error: { kind: 'invalid' } });
  });
});
