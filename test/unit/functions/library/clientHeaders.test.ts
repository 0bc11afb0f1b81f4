import { describe, expect, test } from 'vitest';
import {
  callerAddress,
  clientHeaders,
  UnreadableRequest,
} from '../../../../functions/http/library/clientHeaders.ts';

const read = (...rawHeaders: string[]) => Object.fromEntries(clientHeaders(rawHeaders, 'gateway.example'));

describe('the headers of a client', () => {
  test.each<{ raw: string[]; seen: Record<string, string>; why: string }>([
    { raw: [], seen: {}, why: 'the host is always there' },
    {
      raw: ['Host', 'localhost:1', 'X-Forwarded-Host', 'x'],
      seen: {},
      why: 'the host is not that of the hop',
    },
    { raw: ['X-A', '1', 'x-a', '2'], seen: { 'x-a': '1, 2' }, why: 'repeated ones are one' },
    {
      raw: ['Cookie', 'a=1', 'Cookie', 'b=2'],
      seen: { cookie: 'a=1; b=2' },
      why: 'cookies have a separator of their own',
    },
    {
      raw: ['__proto__', 'x', 'constructor', 'y'],
      seen: JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string>,
      why: 'any name is a name',
    },
    { raw: ['Expect', '100-Continue'], seen: { expect: '100-Continue' }, why: 'this may be expected' },
    { raw: ['X-A', '~\t !'], seen: { 'x-a': '~\t !' }, why: 'all of visible ASCII, spaces and tabs' },
    {
      raw: ['X-A', 'x'.repeat(16 * 1024 - 3)],
      seen: { 'x-a': 'x'.repeat(16 * 1024 - 3) },
      why: '16 KiB are taken',
    },
  ])('$why', ({ raw, seen }) => {
    expect(Object.entries(read(...raw)).sort()).toEqual(
      Object.entries({ host: 'gateway.example', ...seen }).sort(),
    );
  });

  test.each([
    { raw: ['X-A', 'x'.repeat(16 * 1024 - 2)], says: 'longer than 16384 bytes', why: 'a byte more' },
    { raw: ['X-A', '\u0001'], says: 'x-a has a byte', why: 'a control character' },
    { raw: ['X-A', '\u007f'], says: 'x-a has a byte', why: 'the last control character' },
    { raw: ['X-A', '\u00c3\u00a9'], says: 'x-a has a byte', why: 'UTF-8' },
    { raw: ['Expect', 'x'], says: 'expect may only be', why: 'another expectation' },
  ])('$why cannot be read', ({ raw, says }) => {
    expect(() => read(...raw)).toThrow(UnreadableRequest);
    expect(() => read(...raw)).toThrow(says);
  });
});

describe('the address of a caller', () => {
  test.each([
    ['203.0.113.7', '203.0.113.7', 'as the host writes it'],
    ['10.0.0.1, 203.0.113.7:4711', '203.0.113.7:4711', 'the last: a client may write entries before it'],
    ['10.0.0.1,2001:db8::1', '2001:db8::1', 'without a space'],
    ['', undefined, 'an empty header'],
    ['203.0.113.7, ', undefined, 'an empty last entry'],
    [undefined, undefined, 'no header'],
  ])('in %j is %j: %s', (header, address, why) => {
    expect([callerAddress(header), why]).toEqual([address, why]);
  });
});
