import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { beginChain, createDigest, extend, isIntact } from '../../../shared/audit/model/hashChain.ts';
import {
  type AuditEvent,
  plainText,
  recordSchema,
  SEGMENT_LENGTH,
} from '../../../shared/audit/model/record.ts';
import { keyRange, placeOf, recordKey } from '../../../shared/audit/model/trailStore.ts';
import { canonicalJson } from '../../../shared/platform/base/json.ts';

const digest = createDigest();
const at = (ms: number) => new Date(Date.UTC(2026, 0, 1) + ms).toISOString();
const event: AuditEvent = {
  tenantId: 't',
  actor: 'alice',
  action: 'servers.delete',
  resource: 'servers/a',
  decision: 'allowed',
  outcome: 'succeeded',
  durationMs: 1,
  traceId: 'f'.repeat(32),
};
const empty = () => beginChain('t', 'c', at(0), digest);
/** Extends a segment, and returns the records as a reader gets them. */
const extended = (...[segment, entries, by]: Parameters<typeof extend>) => {
  const { records, segments } = extend(segment, entries, by);
  return {
    records: records.map(({ text }) => recordSchema.parse(JSON.parse(text))),
    segments,
    sealed: records,
  };
};

describe('canonical JSON', () => {
  test.each<[value: object, text: string, why: string]>([
    [
      { b: 1, a: [true, null, { d: 'x', c: 2 }] },
      '{"a":[true,null,{"c":2,"d":"x"}],"b":1}',
      'keys in order, at every depth',
    ],
    [{ a: undefined, b: 1 }, '{"b":1}', 'what is absent is left out'],
    [
      { '\u{1f600}': 1, '\ufb33': 2 },
      '{"\u{1f600}":1,"\ufb33":2}',
      'the order is that of code units (RFC 8785, 3.2.3)',
    ],
    [{ a: '"\u20ac\n' }, '{"a":"\\"\u20ac\\n"}', 'strings as JSON has them'],
    [{ a: 1e21, b: -0, c: 0.1 }, '{"a":1e+21,"b":0,"c":0.1}', 'numbers as ECMAScript has them'],
  ])('%j is %s: %s', (value, text) => {
    expect(canonicalJson(value)).toBe(text);
  });

  test('does not depend on the order of keys, and is JSON of the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const plain: unknown = JSON.parse(JSON.stringify(value));
        expect(JSON.parse(canonicalJson(plain))).toEqual(plain);
      }),
    );
    const pairs = fc.uniqueArray(fc.tuple(fc.string(), fc.integer()), { selector: ([name]) => name });
    fc.assert(
      fc.property(pairs, (entries) => {
        const backwards = Object.fromEntries(entries.toReversed());
        expect(canonicalJson(backwards)).toBe(canonicalJson(Object.fromEntries(entries)));
      }),
    );
  });
});

describe('a chain', () => {
  test('links each record to the one before it, and the first to its tenant and name', () => {
    const { records, segments } = extended(
      empty(),
      [1, 2, 3].map((ms) => ({ at: at(ms), event })),
      digest,
    );
    const [first, second, third] = records;
    expect(first?.previous).toBe(empty().start);
    expect(second?.previous).toBe(first?.hash);
    expect(third?.previous).toBe(second?.hash);
    expect(records.map(({ id }) => id)).toEqual(['c-0', 'c-1', 'c-2']);
    expect(segments).toMatchObject([{ count: 3, firstAt: at(1), lastAt: at(3), head: third?.hash }]);
    expect(beginChain('other', 'c', at(0), digest).start).not.toBe(empty().start);
    expect(beginChain('t', 'other', at(0), digest).start).not.toBe(empty().start);
  });

  test('goes on in a new segment when one is full, and always ends in one that is not', () => {
    const entries = Array.from({ length: SEGMENT_LENGTH }, () => ({ at: at(0), event }));
    const { records, segments } = extended(empty(), entries, digest);
    const head = records.at(-1)?.hash;
    expect(segments).toMatchObject([
      { number: 0, count: SEGMENT_LENGTH, head },
      { number: 1, count: 0, start: head, head },
    ]);
    const [, next] = segments;
    const more = next && extended(next, [{ at: at(9), event }], digest);
    expect(more?.records).toMatchObject([{ seq: SEGMENT_LENGTH, previous: head }]);
    expect(more?.segments).toMatchObject([{ number: 1, count: 1, firstAt: at(9) }]);
  });

  test('does not go back in time with the clock, so that its keys keep their order', () => {
    const { records } = extended(
      empty(),
      [5, 3, 9].map((ms) => ({ at: at(ms), event })),
      digest,
    );
    expect(records.map((record) => record.at)).toEqual([at(5), at(5), at(9)]);
    const keys = records.map(recordKey);
    expect(keys.toSorted()).toEqual(keys.toReversed());
  });

  test('has records whose stored text is their canonical JSON with the hash at its end', () => {
    const text = fc.string({ unit: 'binary' });
    const events = fc.record(
      {
        actor: text,
        actorName: text,
        resource: text,
        resourceName: text,
        reason: text,
        begunBy: text,
        count: fc.nat(),
        ownCheck: fc.constant(true as const),
      },
      { requiredKeys: ['actor', 'resource'] },
    );
    fc.assert(
      fc.property(events, (more) => {
        const { sealed, records } = extended(empty(), [{ at: at(1), event: { ...event, ...more } }], digest);
        const [{ hash, ...content }] = records as [(typeof records)[0]];
        expect(sealed[0]?.text).toBe(`${canonicalJson(content).slice(0, -1)},"hash":"${hash}"}`);
        expect(hash).toBe(digest(canonicalJson(content)));
        expect(content).toMatchObject(more);
      }),
    );
  });

  test('whatever is changed in, added to or taken from a record or a segment shows', () => {
    const { records, segments } = extended(empty(), [{ at: at(1), event }], digest);
    fc.assert(
      fc.property(
        fc.constantFrom(...records, ...segments),
        fc.nat(),
        fc.jsonValue(),
        fc.string(),
        (whole, pick, value, name) => {
          const fields = Object.keys(whole);
          const field = fields[pick % fields.length] ?? '';
          const changed: Record<string, unknown> = { ...whole, [field]: value };
          fc.pre(JSON.stringify(whole[field]) !== JSON.stringify(value));
          expect(isIntact(changed as typeof whole, digest)).toBe(false);
          const { [field]: _gone, ...less } = whole;
          expect(isIntact(less as typeof whole, digest)).toBe(false);
          if (!(name in whole) && name !== '__proto__') {
            expect(isIntact({ ...whole, [name]: value }, digest)).toBe(false);
          }
          expect(isIntact(whole, digest)).toBe(true);
        },
      ),
    );
  });

  test('has other hashes with a key', () => {
    const keyed = createDigest(Buffer.from('key'));
    const { records } = extended(empty(), [{ at: at(1), event }], digest);
    expect(records.some((record) => isIntact(record, keyed))).toBe(false);
    expect(keyed('a')).not.toBe(createDigest(Buffer.from('other'))('a'));
  });
});

describe('a key', () => {
  test('says the place of its record', () => {
    const place = { at: at(7), chain: 'a0', seq: 12 };
    expect(placeOf(recordKey(place))).toEqual(place);
    expect(placeOf('r0-copy')).toBeUndefined();
    expect(placeOf('s1-00000000')).toBeUndefined();
  });

  test.each<[span: { from?: Date; to?: Date }, wanted: number[], why: string]>([
    [{}, [0, 1, 2, 3], 'no bounds'],
    [{ from: new Date(at(1)) }, [1, 2, 3], 'the first moment is within'],
    [{ to: new Date(at(2)) }, [0, 1, 2], 'the last moment is within'],
    [{ from: new Date(at(1)), to: new Date(at(1)) }, [1], 'one moment'],
    [{ from: new Date(0) }, [0, 1, 2, 3], 'from the beginning of time'],
    [{ from: new Date(at(2)), to: new Date(at(1)) }, [], 'the wrong way round'],
  ])('is in the range of %j when its time is: %j', (span, wanted) => {
    const { above, below } = keyRange(span);
    const found = [0, 1, 2, 3].filter((ms) => {
      const key = recordKey({ at: at(ms), chain: 'c', seq: 0 });
      return key > above && key < below;
    });
    expect(found).toEqual(wanted);
  });
});

test.each([
  ['x\n2026 INFO admin login', 'x\ufffd2026 INFO admin login', 'a line of its own'],
  ['\u001b[31mred', '\ufffd[31mred', 'a terminal sequence'],
  ['a\u202egnp.exe', 'a\ufffdgnp.exe', 'a change of direction'],
  ['a\u2028b\u0085c\u200bd', 'a\ufffdb\ufffdc\ufffdd', 'separators and invisible characters'],
  ['\ud800x', '\ufffdx', 'half a character'],
  ['x'.repeat(1_000), 'x'.repeat(200), 'no end'],
])('text %j is recorded as %j: %s', (text, recorded) => {
  expect(plainText(text)).toBe(recorded);
});
