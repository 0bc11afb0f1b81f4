import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSseParser, encodeEvent, type SseEvent } from '../../../shared/gateway/protocol/sse.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Feeds a text cut at the given places. */
function parse(stream: Uint8Array, cuts: readonly number[] = [], maxLength = 10_000): SseEvent[] {
  const parser = createSseParser(maxLength);
  const places = [...new Set([0, ...cuts.map((cut) => cut % (stream.length + 1)), stream.length])].sort(
    (a, b) => a - b,
  );
  return places.slice(1).flatMap((end, index) => parser.push(stream.subarray(places[index], end)));
}

test.each([
  { why: 'one event', text: 'data: a\n\n', events: ['a'] },
  { why: 'data on two lines', text: 'data: a\ndata: b\n\n', events: ['a\nb'] },
  { why: 'carriage returns', text: 'data: a\r\rdata: b\r\r', events: ['a', 'b'] },
  { why: 'both line ends', text: 'data: a\r\n\r\ndata: b\r\n\r\n', events: ['a', 'b'] },
  { why: 'no space after the colon', text: 'data:a\n\n', events: ['a'] },
  { why: 'only the first space belongs to the colon', text: 'data:  a\n\n', events: [' a'] },
  { why: 'a comment', text: ': hello\n\ndata: a\n\n', events: ['a'] },
  { why: 'fields that are not kept', text: 'id: 7\nretry: 10\nx: y\ndata: a\n\n', events: ['a'] },
  { why: 'an event without data', text: 'event: message\n\n', events: [] },
  { why: 'empty data', text: 'data\n\ndata:\n\n', events: ['', ''] },
  { why: 'a byte order mark', text: '\uFEFFdata: a\n\n', events: ['a'] },
  { why: 'an event that never ended', text: 'data: a\n\ndata: b\n', events: ['a'] },
])('reads $why', ({ text, events }) => {
  expect(parse(bytes(text)).map(({ data }) => data)).toEqual(events);
});

test('an event keeps its type, the next one does not inherit it', () => {
  expect(parse(bytes('event: ping\ndata: a\n\ndata: b\n\n'))).toEqual([
    { type: 'ping', data: 'a' },
    { type: 'message', data: 'b' },
  ]);
});

test('where the bytes are cut changes nothing', () => {
  const piece = fc.constantFrom('data: ä€😀', 'data:', ':c', 'event: x', 'id: 1', '\n', '\r', '\r\n', '\n\n');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), fc.array(fc.nat(), { maxLength: 40 }), (pieces, cuts) => {
      const stream = bytes(pieces.join(''));
      const everyByte = Array.from(stream, (_, index) => index);
      const whole = parse(stream);
      expect(parse(stream, cuts)).toEqual(whole);
      expect(parse(stream, everyByte)).toEqual(whole);
    }),
    { numRuns: 1_000 },
  );
});

test('what is encoded is read again, whatever the message holds', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }), (message) => {
      const [event] = parse(encodeEvent(message));
      expect(JSON.parse(event?.data ?? '')).toEqual(JSON.parse(JSON.stringify(message)));
    }),
  );
});

test.each([
  { why: 'a line without end', text: 'data: ' + 'x'.repeat(200) },
  { why: 'an event without end', text: 'data: xxxxxxxxxx\n'.repeat(20) },
])('refuses $why past the bound', ({ text }) => {
  const everyByte = Array.from(bytes(text), (_, index) => index);
  expect(() => parse(bytes(text), everyByte, 100)).toThrow(RangeError);
});

test.each([
  { why: 'one long line', text: `data: ${'x'.repeat(100)}\n\n` },
  { why: 'many lines', text: `${'data: xxxxxxxxx\n'.repeat(11)}\n` },
])('refuses an event past the bound that one chunk holds whole: $why', ({ text }) => {
  const parser = createSseParser(100);
  expect(() => parser.push(bytes(text))).toThrow(RangeError);
  expect(() => parser.push(bytes('data: a\n\n'))).toThrow(RangeError);
});

test.each([
  ['999999999', 999_999_999],
  ['1000000000', undefined],
])('a retry of %s ms is read as %s', (retry, retryMs) => {
  expect(parse(bytes(`retry: ${retry}\ndata: a\n\n`))[0]?.retryMs).toBe(retryMs);
});

test('many events in one stream may be longer than the bound together', () => {
  expect(parse(bytes('data: xxxxxxxxxx\n\n'.repeat(20)), [], 100)).toHaveLength(20);
});

test('a long line in single bytes costs no more than its length', () => {
  const parser = createSseParser(4_000_000);
  const started = performance.now();
  for (let index = 0; index < 400_000; index++) parser.push(bytes('x'));
  // A search over the whole line for each byte would take minutes.
  expect(performance.now() - started).toBeLessThan(5_000);
});
