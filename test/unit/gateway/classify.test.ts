import { expect, test } from 'vitest';
import { classify, type Inbound } from '../../../shared/gateway/protocol/classify.ts';
import { OFFERED } from '../../support/rawClient.ts';

const MODERN = '2026-07-28';
const envelope = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientCapabilities': {},
};
const modernHeaders = { 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/list' };
const request = (method: string, params?: object) => ({
  jsonrpc: '2.0',
  id: 7,
  method,
  ...(params && { params }),
});
const modern = (method = 'tools/list', params: object = {}, meta: object = envelope) =>
  request(method, { ...params, _meta: meta });
const call = modern('tools/call', { name: 'a__x' });
const callHeaders = { ...modernHeaders, 'mcp-method': 'tools/call' };

/** `legacy`, `modern`, what needs no answer, or the code of the refusal. */
function verdict(inbound: Inbound): string | number {
  if (inbound.kind === 'refused') return inbound.error.code;
  return inbound.kind === 'request' ? inbound.client.era : inbound.kind;
}

interface Row {
  readonly why: string;
  readonly message: unknown;
  readonly headers?: Record<string, string>;
  readonly expected: string | number;
}

const rows: readonly Row[] = [
  // legacy
  { why: 'an initialize opens the legacy era', message: request('initialize', {}), expected: 'legacy' },
  { why: 'no version at all counts as 2025-03-26', message: request('tools/list'), expected: 'legacy' },
  ...['2025-03-26', '2025-06-18', '2025-11-25'].map((version) => ({
    why: `${version} is spoken`,
    message: request('tools/list'),
    headers: { 'mcp-protocol-version': version },
    expected: 'legacy',
  })),
  {
    why: 'an unknown version must be a 400 (2025-11-25, transports)',
    message: request('tools/list'),
    headers: { 'mcp-protocol-version': '1999-01-01' },
    expected: -32022,
  },
  {
    why: 'Mcp-Method means nothing in the legacy era',
    message: request('tools/list'),
    headers: { 'mcp-method': 'other' },
    expected: 'legacy',
  },
  {
    why: '_meta without a version is legacy',
    message: request('tools/call', { name: 'x', _meta: { progressToken: 1 } }),
    expected: 'legacy',
  },
  {
    why: 'an initialize says legacy even when its _meta names a legacy version',
    message: modern(
      'initialize',
      {},
      { ...envelope, 'io.modelcontextprotocol/protocolVersion': '2025-11-25' },
    ),
    expected: 'legacy',
  },
  {
    why: 'an initialize says legacy whatever else its _meta lacks',
    message: request('initialize', { _meta: { 'io.modelcontextprotocol/protocolVersion': '2025-11-25' } }),
    expected: 'legacy',
  },
  {
    why: 'an initialize with a whole modern envelope is a modern request, of a method that is not there',
    message: modern('initialize'),
    headers: { ...modernHeaders, 'mcp-method': 'initialize' },
    expected: 'modern',
  },
  {
    why: 'a modern version has no initialize',
    message: request('initialize', {}),
    headers: modernHeaders,
    expected: -32020,
  },
  // modern
  {
    why: 'the body names the version and the headers agree',
    message: modern(),
    headers: modernHeaders,
    expected: 'modern',
  },
  {
    why: 'an unknown method is modern too',
    message: modern('acme/do'),
    headers: { ...modernHeaders, 'mcp-method': 'acme/do' },
    expected: 'modern',
  },
  {
    why: 'the version header is required',
    message: modern(),
    headers: { 'mcp-method': 'tools/list' },
    expected: -32020,
  },
  {
    why: 'the version header must agree',
    message: modern(),
    headers: { ...modernHeaders, 'mcp-protocol-version': '2025-11-25' },
    expected: -32020,
  },
  {
    why: 'a version header sent twice agrees with nothing',
    message: modern(),
    headers: { ...modernHeaders, 'mcp-protocol-version': `${MODERN}, ${MODERN}` },
    expected: -32020,
  },
  {
    why: 'Mcp-Method is required',
    message: modern(),
    headers: { 'mcp-protocol-version': MODERN },
    expected: -32020,
  },
  { why: 'Mcp-Method must agree', message: modern(), headers: callHeaders, expected: -32020 },
  {
    why: 'header values are case-sensitive',
    message: modern(),
    headers: { ...modernHeaders, 'mcp-method': 'Tools/List' },
    expected: -32020,
  },
  { why: 'Mcp-Name is required on a call', message: call, headers: callHeaders, expected: -32020 },
  {
    why: 'Mcp-Name must agree',
    message: call,
    headers: { ...callHeaders, 'mcp-name': 'safe' },
    expected: -32020,
  },
  {
    why: 'Mcp-Name agrees',
    message: call,
    headers: { ...callHeaders, 'mcp-name': 'a__x' },
    expected: 'modern',
  },
  {
    why: 'Mcp-Name agrees in Base64',
    message: call,
    headers: { ...callHeaders, 'mcp-name': `=?base64?${btoa('a__x')}?=` },
    expected: 'modern',
  },
  {
    why: 'Base64 that is none is refused',
    message: call,
    headers: { ...callHeaders, 'mcp-name': '=?base64?a__x?=' },
    expected: -32020,
  },
  {
    why: 'a header alone does not make a request modern',
    message: request('tools/list'),
    headers: modernHeaders,
    expected: -32602,
  },
  {
    why: 'a _meta without version under a modern header',
    message: request('tools/list', { _meta: {} }),
    headers: modernHeaders,
    expected: -32602,
  },
  {
    why: 'capabilities are required',
    message: modern('tools/list', {}, { 'io.modelcontextprotocol/protocolVersion': MODERN }),
    headers: modernHeaders,
    expected: -32602,
  },
  {
    why: 'a version is a string',
    message: modern('tools/list', {}, { ...envelope, 'io.modelcontextprotocol/protocolVersion': 1 }),
    headers: modernHeaders,
    expected: -32602,
  },
  {
    why: 'client information is optional, but not anything',
    message: modern('tools/list', {}, { ...envelope, 'io.modelcontextprotocol/clientInfo': { name: 1 } }),
    headers: modernHeaders,
    expected: -32602,
  },
  {
    why: 'a log level is one of eight',
    message: modern('tools/list', {}, { ...envelope, 'io.modelcontextprotocol/logLevel': 'loud' }),
    headers: modernHeaders,
    expected: -32602,
  },
  {
    why: 'a version to come',
    message: modern(
      'tools/list',
      {},
      { ...envelope, 'io.modelcontextprotocol/protocolVersion': '2027-01-01' },
    ),
    headers: { ...modernHeaders, 'mcp-protocol-version': '2027-01-01' },
    expected: -32022,
  },
  {
    why: 'a legacy version has no envelope',
    message: modern(
      'tools/list',
      {},
      { ...envelope, 'io.modelcontextprotocol/protocolVersion': '2025-11-25' },
    ),
    headers: { 'mcp-protocol-version': '2025-11-25' },
    expected: -32022,
  },
  // no answer due
  {
    why: 'a notification',
    message: { jsonrpc: '2.0', method: 'notifications/initialized' },
    expected: 'notification',
  },
  {
    why: 'an unknown notification',
    message: { jsonrpc: '2.0', method: 'acme/hello' },
    expected: 'notification',
  },
  {
    why: 'a modern notification',
    message: { jsonrpc: '2.0', method: 'acme/hello' },
    headers: { 'mcp-protocol-version': MODERN },
    expected: 'notification',
  },
  {
    why: 'a notification of an unknown version',
    message: { jsonrpc: '2.0', method: 'x' },
    headers: { 'mcp-protocol-version': '2027-01-01' },
    expected: -32022,
  },
  {
    why: 'a modern notification under another method',
    message: { jsonrpc: '2.0', method: 'x' },
    headers: { 'mcp-protocol-version': MODERN, 'mcp-method': 'y' },
    expected: -32020,
  },
  {
    why: 'a notification whose body and header disagree',
    message: { jsonrpc: '2.0', method: 'x', params: { _meta: envelope } },
    headers: { 'mcp-protocol-version': '2025-11-25' },
    expected: -32020,
  },
  {
    why: 'a response of a legacy client',
    message: { jsonrpc: '2.0', id: 1, result: {} },
    expected: 'response',
  },
  {
    why: 'an error response',
    message: { jsonrpc: '2.0', id: 1, error: { code: 1, message: 'x' } },
    expected: 'response',
  },
  {
    why: 'the modern era has no responses from clients',
    message: { jsonrpc: '2.0', id: 1, result: {} },
    headers: modernHeaders,
    expected: -32600,
  },
  // not JSON-RPC
  ...[
    null,
    1,
    'x',
    {},
    { jsonrpc: '1.0', id: 1, method: 'x' },
    { jsonrpc: '2.0', id: 1 },
    { jsonrpc: '2.0', id: 1, method: 2 },
  ].map((message) => ({ why: `${JSON.stringify(message)} is no message`, message, expected: -32600 })),
  ...[null, 1.5, {}, true].map((id) => ({
    why: `an id is a string or a whole number, not ${JSON.stringify(id)}`,
    message: { jsonrpc: '2.0', id, method: 'ping' },
    expected: -32600,
  })),
  {
    why: 'params are an object',
    message: { jsonrpc: '2.0', id: 1, method: 'ping', params: [] },
    expected: -32600,
  },
  { why: 'no batches', message: [request('ping')], expected: -32600 },
  { why: 'an empty batch', message: [], expected: -32600 },
  { why: '64 levels', message: request('ping', { deep: nested(62) }), expected: 'legacy' },
  { why: '65 levels', message: request('ping', { deep: nested(63) }), expected: -32600 },
  { why: '100,000 levels', message: request('ping', { deep: nested(100_000) }), expected: -32600 },
  {
    why: '10,001 keys',
    message: request('ping', Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`k${i}`, 1]))),
    expected: -32600,
  },
  {
    why: 'a key __proto__',
    message: JSON.parse(
      '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":[{"__proto__":{"admin":true}}]}}',
    ),
    expected: -32600,
  },
];

function nested(levels: number): unknown {
  let value: unknown[] = [];
  for (let level = 1; level < levels; level++) value = [value];
  return value;
}

test.each(rows)('$why: $expected', ({ message, headers, expected }) => {
  expect(verdict(classify(new Headers(headers), message))).toBe(expected);
});

test('a refusal answers the id it could read, with HTTP 400', () => {
  expect(classify(new Headers(), { jsonrpc: '1.0', id: 'a', method: 'x' })).toMatchObject({
    status: 400,
    id: 'a',
  });
  expect(classify(new Headers(), { jsonrpc: '2.0', id: {}, method: 'x' })).toMatchObject({
    status: 400,
    id: null,
  });
});

test('an unknown version is told which ones are spoken', () => {
  const refused = classify(new Headers({ 'mcp-protocol-version': '2027-01-01' }), request('tools/list'));
  expect(refused).toMatchObject({
    error: {
      data: { requested: '2027-01-01', supported: OFFERED },
    },
  });
});

const says = (headers: Record<string, string>, message: unknown): string => {
  const inbound = classify(new Headers(headers), message);
  return inbound.kind === 'refused' ? inbound.error.message : inbound.kind;
};

test('a refusal tells a person what is wrong, and where', () => {
  expect(says({}, [request('ping')])).toContain('Batches are not supported');
  expect(says({ 'mcp-method': 'tools/list' }, modern())).toBe(
    'The header MCP-Protocol-Version is missing: it must repeat params._meta["io.modelcontextprotocol/protocolVersion"].',
  );
  expect(says({ ...callHeaders, 'mcp-name': 'safe' }, call)).toBe(
    'The header Mcp-Name differs from params.name.',
  );
  expect(says(modernHeaders, request('tools/list'))).toContain(
    'params._meta["io.modelcontextprotocol/clientCapabilities"] are missing',
  );
  expect(says({ 'mcp-protocol-version': '1999-01-01' }, request('ping'))).toContain('2026-07-28, 2025-11-25');
});
