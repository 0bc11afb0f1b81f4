import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  asDouble,
  isExactNumber,
  parseExactJson,
  withDoubles,
} from '../../../shared/platform/base/exactJson.ts';
import { canonicalJson, isLongerThan, unsafeShape } from '../../../shared/platform/base/json.ts';

const through = (text: string): string => JSON.stringify(parseExactJson(text));

describe('a number keeps its text', () => {
  test.each([
    ...['725653563933458432', '-9223372036854775808', '18446744073709551615', '9007199254740993'],
    ...['1.0', '1.50', '0.10', '100.00', '-1.0', '0.0'],
    ...['1e5', '1E5', '1e+5', '1e400', '-1e-400', '1E-7', '12.5e3', '2e0'],
    ...['-0', '-0.0', '0.0000001', '123456789.123456789', '3.14159265358979323846264338327950288'],
    ...['0', '7', '-1', '2.5', '1e-7', '1e+21', '999999999999999', '9007199254740991', '0.1'],
  ])('%s', (number) => {
    for (const text of [number, `{"a":${number}}`, `[${number},${number}]`, `{"a":{"b":[1,${number},"x"]}}`])
      expect(through(text)).toBe(text);
    expect(through(` { "a" : [ ${number} , 1 ] } \n`)).toBe(`{"a":[${number},1]}`);
  });

  test('every number of the JSON grammar is written as it came, between any neighbours', () => {
    const number = fc.stringMatching(/^-?(?:0|[1-9]\d{0,24})(?:\.\d{1,20})?(?:[eE][+-]?\d{1,3})?$/);
    fc.assert(
      fc.property(fc.array(number, { minLength: 1 }), fc.string(), (numbers, key) => {
        const text = `{${JSON.stringify(`0${key}0`)}:[${numbers.join(',')}]}`;
        expect(through(text)).toBe(text);
      }),
    );
  });

  test('a number that a double keeps is a double', () => {
    expect(parseExactJson('[1,-2,0.5,1e+21,"1.0",9007199254740991]')).toEqual([
      ...[1, -2, 0.5, 1e21, '1.0', 9007199254740991],
    ]);
    // Beside a number that is not one, too.
    expect(parseExactJson('[1.0,1,0.5]')).toMatchObject([{ rawJSON: '1.0' }, 1, 0.5]);
  });
});

describe('the rest of the text', () => {
  test.each([
    [
      'strings with numbers and escapes',
      String.raw`{"1.0":"-0, 1e400 \" 1.0 \\","\u00e9\n":"\\\\\"","x":1.0}`,
    ],
    ['empty parts', '{"a":{},"b":[],"c":"","":1.0,"d":null,"e":true,"f":false}'],
    ['a key __proto__', '{"__proto__":{"a":1.0},"constructor":1.0}'],
    ['text beyond ASCII', '{"ключ 🗝":"значение","n":1.0}'],
    ['a repeated key: the last value counts', '{"a":1.0,"a":2.0,"__proto__":1,"__proto__":2}'],
  ])('%s is as JSON.parse reads it', (_why, text) => {
    expect(withDoubles({ value: parseExactJson(text) })).toEqual({ value: JSON.parse(text) as unknown });
    expect(Object.keys(parseExactJson(text) as object)).toEqual(Object.keys(JSON.parse(text) as object));
  });

  test('any JSON is as JSON.parse reads it, beside a number to keep too', () => {
    fc.assert(
      fc.property(fc.json(), fc.boolean(), (json, isPretty) => {
        const text = isPretty ? JSON.stringify(JSON.parse(json), null, 2) : json;
        const doubles = JSON.stringify(withDoubles([parseExactJson(text)]));
        expect(doubles).toBe(JSON.stringify(withDoubles([JSON.parse(text)])));
        expect(through(`[${text},1.0]`)).toBe(`[${through(text)},1.0]`);
      }),
    );
  });

  test.each(['', '{', '{"a":1.0', '[1.0,]', '01', '1.', '.5', '+1', 'NaN', '"\n"', '[1.0] x', '\ufeff[1.0]'])(
    '%j is not JSON',
    (text) => {
      expect(() => parseExactJson(text)).toThrow(SyntaxError);
    },
  );

  test('a text of any depth is read without an overflow of the stack', () => {
    const nested = (depth: number) => `${'['.repeat(depth)}1.0${']'.repeat(depth)}`;
    expect(through(nested(300))).toBe(nested(300));
    expect(parseExactJson(nested(200_000))).toBeInstanceOf(Array);
  });
});

test.each([
  [100_000, '1.0', 'as many as are kept'],
  [100_001, '1', 'one more: then all are doubles'],
])('of %i exact numbers the last is %s (%s)', (count, expected) => {
  const list = parseExactJson(`[${Array.from({ length: count }, () => '1.0').join(',')}]`) as unknown[];
  expect(list).toHaveLength(count);
  expect([JSON.stringify(list[0]), JSON.stringify(list.at(-1))]).toEqual([expected, expected]);
});

describe('an exact number', () => {
  const [big, one] = parseExactJson('[725653563933458432,1.0]') as unknown[];

  test('counts as a number wherever the shape of a value is checked', () => {
    const bounds = { depth: 2, keys: 1 };
    expect(unsafeShape({ a: [big, one] }, bounds)).toBeUndefined();
    expect(isLongerThan([big], 20)).toBe(false);
    expect(isLongerThan([big], 19)).toBe(true);
    expect(canonicalJson({ b: big, a: [one] })).toBe('{"a":[1.0],"b":725653563933458432}');
  });

  test('has a nearest double', () => {
    expect([isExactNumber(one), isExactNumber(1), isExactNumber({ rawJSON: '1.0' })]).toEqual([
      true,
      false,
      false,
    ]);
    expect([one, big, 1, 'x', null].map(asDouble)).toEqual([1, 725653563933458400, 1, 'x', null]);
    expect(withDoubles([one, { a: big }])).toEqual([1, { a: 725653563933458400 }]);
  });
});
