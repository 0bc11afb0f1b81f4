import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  decodeHeaderValue,
  encodeHeaderValue,
  mirrorParameters,
  mismatchedParameter,
  parameterHeaders,
} from '../../../shared/gateway/protocol/parameterHeaders.ts';
import { parseExactJson } from '../../../shared/platform/base/exactJson.ts';

const schema = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more });
const region = { type: 'string', 'x-mcp-header': 'Region' };

test.each([
  { why: 'no annotation', inputSchema: schema({ a: { type: 'string' } }), found: [] },
  { why: 'a property', inputSchema: schema({ a: region }), found: [{ name: 'Region', path: ['a'] }] },
  {
    why: 'a property of a property',
    inputSchema: schema({ a: schema({ b: region }) }),
    found: [{ name: 'Region', path: ['a', 'b'] }],
  },
  {
    why: 'a property that is called like the keyword',
    inputSchema: schema({ 'x-mcp-header': { type: 'string' } }),
    found: [],
  },
  {
    why: 'an example that holds the keyword',
    inputSchema: schema({ a: { type: 'object', default: { 'x-mcp-header': 1 } } }),
    found: [],
  },
  { why: 'the root', inputSchema: { type: 'object', 'x-mcp-header': 'Region' }, found: undefined },
  {
    why: 'an item of an array',
    inputSchema: schema({ a: { type: 'array', items: region } }),
    found: undefined,
  },
  { why: 'a choice', inputSchema: schema({}, { anyOf: [schema({ a: region })] }), found: undefined },
  { why: 'a definition', inputSchema: schema({}, { $defs: { r: region } }), found: undefined },
  { why: 'a number', inputSchema: schema({ a: { type: 'number', 'x-mcp-header': 'N' } }), found: undefined },
  { why: 'an object', inputSchema: schema({ a: { type: 'object', 'x-mcp-header': 'N' } }), found: undefined },
  {
    why: 'an empty name',
    inputSchema: schema({ a: { type: 'string', 'x-mcp-header': '' } }),
    found: undefined,
  },
  {
    why: 'a line break in the name',
    inputSchema: schema({ a: { type: 'string', 'x-mcp-header': 'A\r\nHost: x' } }),
    found: undefined,
  },
  {
    why: 'a name twice in other case',
    inputSchema: schema({ a: region, b: { type: 'string', 'x-mcp-header': 'REGION' } }),
    found: undefined,
  },
])('annotation on $why', ({ inputSchema, found }) => {
  expect(parameterHeaders(inputSchema)).toEqual(found);
});

const headers = [{ name: 'Region', path: ['a', 'b'] }];

test.each([
  { why: 'the same text', value: 'eu', sent: 'eu', agrees: true },
  { why: 'the same text in Base64', value: 'eu', sent: '=?base64?ZXU=?=', agrees: true },
  { why: 'another text', value: 'eu', sent: 'us', agrees: false },
  { why: 'a header that is missing', value: 'eu', sent: undefined, agrees: false },
  { why: 'a header for an argument that is not there', value: undefined, sent: 'eu', agrees: true },
  { why: 'a header for null', value: null, sent: 'eu', agrees: true },
  { why: 'the same number written otherwise', value: 42, sent: '42.0', agrees: true },
  { why: 'another number', value: 42, sent: '43', agrees: false },
  { why: 'a truth value', value: true, sent: 'true', agrees: true },
  { why: 'broken Base64', value: 'eu', sent: '=?base64?ZX?=', agrees: false },
  { why: 'Base64 of bytes that are no UTF-8', value: 'eu', sent: '=?base64?//8=?=', agrees: false },
])('$why: header and argument agree: $agrees', ({ value, sent, agrees }) => {
  const received = new Headers(sent === undefined ? {} : { 'Mcp-Param-Region': sent });
  expect(mismatchedParameter(headers, { a: { b: value } }, received) === undefined).toBe(agrees);
});

test.each([
  { written: '42.0', mirrored: '42' },
  { written: '1e3', mirrored: '1000' },
  { written: '-0', mirrored: '0' },
  { written: '42', mirrored: '42' },
  // Beyond the safe integers a value must not be repeated in a header (2026-07-28, server/tools).
  { written: '725653563933458432', mirrored: undefined },
  { written: '1.50', mirrored: undefined },
])('the argument $written is repeated as $mirrored', ({ written, mirrored }) => {
  const args = parseExactJson(`{"a":{"b":${written}}}`) as { a: unknown };
  expect(mirrorParameters(headers, args)['mcp-param-region']).toBe(mirrored);
  const received = new Headers(mirrored === undefined ? {} : { 'Mcp-Param-Region': mirrored });
  expect(mismatchedParameter(headers, args, received)).toBeUndefined();
});

test('what is mirrored up is what is accepted down, whatever the value', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.maxSafeInteger(), fc.boolean()), (value) => {
      const args = { a: { b: value } };
      const mirrored = new Headers(mirrorParameters(headers, args));
      expect(mirrored.has('mcp-param-region')).toBe(true);
      expect(mismatchedParameter(headers, args, mirrored)).toBeUndefined();
    }),
    { numRuns: 1_000 },
  );
});

test('a value keeps its meaning and never breaks a header', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      const encoded = encodeHeaderValue(value);
      expect(encoded).toMatch(/^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/);
      expect(decodeHeaderValue(encoded)).toBe(value.isWellFormed() ? value : value.toWellFormed());
    }),
    { numRuns: 1_000 },
  );
});

test.each([
  ['us-west1', 'us-west1'],
  ['Hello, 世界', '=?base64?SGVsbG8sIOS4lueVjA==?='],
  [' padded ', '=?base64?IHBhZGRlZCA=?='],
  ['line1\nline2', '=?base64?bGluZTEKbGluZTI=?='],
  ['=?base64?literal?=', '=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?='],
  ['\uFEFFmark', '=?base64?77u/bWFyaw==?='],
])('%j travels as %s and arrives as it was (2026-07-28, transports, Value Encoding)', (value, encoded) => {
  expect(encodeHeaderValue(value)).toBe(encoded);
  expect(decodeHeaderValue(encoded)).toBe(value);
});
