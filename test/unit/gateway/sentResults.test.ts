import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Message, SENT, writeResponse } from '../../../shared/gateway/protocol/jsonRpc.ts';
import { readServerMessages } from '../../../shared/gateway/protocol/serverMessages.ts';
import { createSseParser, encodeResponse } from '../../../shared/gateway/protocol/sse.ts';
import { parse } from '../../../shared/gateway/upstream/exchange.ts';
import { parseExactJson } from '../../../shared/platform/base/exactJson.ts';
import { ANSWER_BOUNDS, parseJson, unsafeShape } from '../../../shared/platform/base/json.ts';

/** What the gateway writes for the first message of an answer, as text; or why it refuses the answer. */
function written(read: () => readonly Message[] | undefined): string {
  try {
    const [message] = read() ?? [];
    if (message?.kind !== 'response') return message?.kind ?? 'not JSON';
    const bytes = Buffer.from(writeResponse(7, message.outcome));
    return isUtf8(bytes) ? bytes.toString() : 'not UTF-8';
  } catch (error) {
    return String(error);
  }
}

/** Reads a text without a scan, as the reference. */
function slowly(text: string): readonly Message[] | undefined {
  const value = parseJson(text, parseExactJson);
  if (value === undefined) return undefined;
  const unsafe = unsafeShape(value, ANSWER_BOUNDS);
  if (unsafe !== undefined) throw new Error(`answered with JSON that ${unsafe}`);
  return readServerMessages(value);
}

/** Equal for the same values with the same digits. */
const normal = (json: string): string => (json.startsWith('{') ? JSON.stringify(parseExactJson(json)) : json);

function expectSame(text: string, bytes?: Buffer): void {
  const expected = written(() => slowly(text)).replace(/^Error: /, '');
  const given = written(() => parse(text, bytes)).replace(/^(?:Upstream)?\w*: /, '');
  expect(normal(given)).toBe(normal(expected));
  // It is one line of an event.
  expect(given).not.toMatch(/[\r\n]/);
  // The client's id, the version and the result, each once.
  if (given.startsWith('{')) expect(given).toMatch(/^\{"jsonrpc":"2\.0","id":7,"(?:result|error)":\{/);
}

const escaped = (text: string) =>
  Array.from(
    { length: text.length },
    (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`,
  ).join('');
const string = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
  fc.string().map((text) => `"${escaped(text)}"`),
  fc.constantFrom(
    '"\u2028\u2029"',
    '"\\ud800"',
    '"\\\\"',
    '"\\\\\\""',
    '"{[}]:,"',
    '"ключ 🗝"',
    `"${'x'.repeat(50)}"`,
  ),
);
const keys = ['a', 'b', 'result', 'id', 'error', 'method', '__proto__', 'x__proto__', 'constructor', ''];
const key = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .constantFrom(...keys.filter((name) => name !== '__proto__'))
      .map((name) => JSON.stringify(name)),
  },
  { weight: 1, arbitrary: fc.constantFrom(...keys).map((name) => `"${escaped(name)}"`) },
  { weight: 1, arbitrary: fc.constantFrom(...keys).map((name) => JSON.stringify(name)) },
  { weight: 1, arbitrary: string },
);
const number = fc.oneof(
  fc.constantFrom('1e400', '-0', '725653563933458432', '1.0', '0.1', '-12', '1E+2'),
  fc.stringMatching(/^-?(?:0|[1-9]\d{0,20})(?:\.\d{1,9})?(?:[eE][+-]?\d{1,3})?$/),
);
const space = fc.oneof(
  { weight: 40, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.constantFrom(' ', '\t', '\n', '\r\n') },
);
const join = (open: string, parts: readonly string[], close: string) => `${open}${parts.join(',')}${close}`;
const { value, object } = fc.letrec<{ value: string; object: string; list: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    ...[string, number, fc.constantFrom('true', 'false', 'null', '{}', '[]')],
    ...[tie('object'), tie('list')],
  ),
  list: fc
    .array(
      fc.tuple(space, tie('value'), space).map((parts) => parts.join('')),
      { maxLength: 4 },
    )
    .map((parts) => join('[', parts, ']')),
  object: fc
    .array(
      fc.tuple(space, key, space, fc.constant(':'), tie('value'), space).map((parts) => parts.join('')),
      { maxLength: 4 },
    )
    .map((parts) => join('{', parts, '}')),
}));
/** The text of a message of a server: most have a result, some have more fields or the same twice. */
const field = fc.oneof(
  { weight: 3, arbitrary: object.map((text) => `"result":${text}`) },
  { weight: 1, arbitrary: fc.tuple(key, value).map(([name, text]) => `${name}:${text}`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '"id":99',
      '"jsonrpc":"2.0"',
      '"error":null',
      '"result":null',
      '"\\u0072esult":{"b":1}',
    ),
  },
);
const message = fc
  .tuple(
    fc.array(field, { minLength: 1, maxLength: 3 }),
    fc.array(space, { minLength: 6, maxLength: 6 }),
    fc.boolean(),
  )
  .map(([fields, spaces, isLast]) => {
    const head = ['"jsonrpc":"2.0"', '"id":7'];
    const all = (isLast ? [...fields, ...head] : [...head, ...fields]).map(
      (text, at) => `${spaces[at] ?? ''}${text}`,
    );
    return join('{', all, '}');
  });
const text = fc.oneof(
  { weight: 9, arbitrary: message },
  { weight: 1, arbitrary: fc.tuple(message, message).map((two) => join('[', two, ']')) },
);

describe('an answer is written as if it was parsed and written again', () => {
  test('any text', () => {
    let passed = 0;
    fc.assert(
      fc.property(text, (one) => {
        expectSame(one);
        expectSame(one, Buffer.from(one));
        const [read] = parseable(one);
        if (read?.kind === 'response' && 'result' in read.outcome && read.outcome[SENT]) passed += 1;
      }),
      { numRuns: 3_000 },
    );
    // Otherwise the test would only see results that were written anew.
    expect(passed).toBeGreaterThan(200);
  });

  test('any text with a fault', () => {
    const at = fc.nat({ max: 10_000 });
    const fault = fc.constantFrom('"', '\\', '{', '}', ',', ':', '\u0001', '0', '.', '\ufeff', '');
    fc.assert(
      fc.property(text, at, fault, fc.nat({ max: 2 }), (one, place, put, cut) => {
        const start = place % (one.length + 1);
        // A decoder returns no half of a surrogate pair.
        const broken = (one.slice(0, start) + put + one.slice(start + cut)).toWellFormed();
        expectSame(broken);
        expectSame(broken, Buffer.from(broken));
      }),
      { numRuns: 3_000 },
    );
  });

  test('bytes that are not UTF-8', () => {
    fc.assert(
      fc.property(
        message,
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 128, max: 255 })), { minLength: 1 }),
        (one, put) => {
          const bytes = Buffer.from(one);
          for (const [at, byte] of put) bytes[at % bytes.length] = byte;
          expectSame(bytes.toString(), bytes);
        },
      ),
    );
    const bytes = Buffer.from('{"jsonrpc":"2.0","id":7,"result":{"a":"é"}}');
    bytes[bytes.length - 4] = 0x28;
    expectSame(bytes.toString(), bytes);
  });

  test('events, wherever their bytes are cut', () => {
    fc.assert(
      fc.property(message, fc.array(fc.nat(), { maxLength: 5 }), (one, cuts) => {
        const [read] = parseable(one);
        if (read?.kind !== 'response') return;
        const event = encodeResponse(7, read.outcome);
        const parser = createSseParser(1_000_000);
        const places = [0, ...cuts.map((cut) => cut % event.length).sort((a, b) => a - b), event.length];
        const events = places.slice(1).flatMap((end, at) => parser.push(event.subarray(places[at], end)));
        expect(events).toHaveLength(1);
        expect(normal(events[0]?.data ?? '')).toBe(normal(written(() => slowly(one))));
      }),
    );
  });
});

function parseable(one: string): readonly Message[] {
  try {
    return parse(one) ?? [];
  } catch {
    return [];
  }
}

const nested = (depth: number) => `${'{"a":['.repeat(depth / 2)}${']}'.repeat(depth / 2)}`;
const result = (json: string) => `{"jsonrpc":"2.0","id":7,"result":${json}}`;

test.each([
  { why: 'as many levels as are allowed', json: nested(ANSWER_BOUNDS.depth - 2), passes: true },
  {
    why: 'one level more, but not of the value that counts',
    json: `{"b":${nested(300)},"b":1}`,
    passes: false,
  },
  { why: 'brackets in a string', json: `{"a":"${'{['.repeat(300)}"}`, passes: true },
  { why: 'a value __proto__', json: '{"a":"__proto__"}', passes: true },
  { why: 'more exact numbers than are kept', json: `{"a":[${'1.0,'.repeat(100_001)}1.0]}`, passes: true },
  { why: 'spaces', json: '{ "a" : [ 1 , 2 ] }', passes: true },
  { why: 'line breaks', json: '{\n"a":1}', passes: false },
  { why: 'a repeated key of the result', json: '{"isError":true,"isError":false}', passes: false },
  { why: 'a repeated key below', json: '{"structuredContent":{"a":1,"a":2}}', passes: true },
  { why: 'a second result', json: '{"a":1},"result":{"a":2}', passes: false },
  { why: 'a second id', json: '{"a":1},"id":9', passes: false },
  { why: 'no object', json: 'null', passes: false },
])('of a result with $why: bytes pass: $passes', ({ json, passes }) => {
  const one = `${result(json)} `;
  for (const bytes of [undefined, Buffer.from(one)]) {
    const [read] = parse(one, bytes) ?? [];
    const outcome = read?.kind === 'response' && 'result' in read.outcome ? read.outcome : undefined;
    expect(outcome?.[SENT] && Buffer.from(outcome[SENT]).toString()).toBe(passes ? json : undefined);
  }
});

test.each([
  { why: 'one level more', json: nested(ANSWER_BOUNDS.depth), problem: 'is nested deeper than 256 levels' },
  { why: 'a key __proto__', json: '{"a":[{"__proto__":1}]}', problem: 'has a key "__proto__"' },
  { why: 'that key in escapes', json: '{"a":{"\\u005F_prot\\u006F__":1}}', problem: 'has a key "__proto__"' },
])('a result with $why is refused', ({ json, problem }) => {
  expect(() => parse(result(json))).toThrow(problem);
});
