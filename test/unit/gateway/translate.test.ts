import { describe, expect, test } from 'vitest';
import packageJson from '../../../package.json' with { type: 'json' };
import { GATEWAY_INFO } from '../../../shared/gateway/protocol/envelope.ts';
import type { Outcome } from '../../../shared/gateway/protocol/jsonRpc.ts';
import { legacyClient } from '../../../shared/gateway/protocol/legacyClient.ts';
import { modernClient } from '../../../shared/gateway/protocol/modernClient.ts';
import { parseExactJson } from '../../../shared/platform/base/exactJson.ts';
import type { Era } from '../../../shared/registry/records/era.ts';

const clients = { legacy: legacyClient, modern: modernClient };
const gateway = { name: 'mcp-registry-gateway', version: '0.1.0' };
const SERVER = 'io.modelcontextprotocol/serverInfo';
const text = [{ type: 'text', text: 'hi', 'acme/extra': { a: 1 } }];
const error = (code: number) => ({ error: { code, message: 'm', data: { d: 1 } } });

interface Row {
  readonly why: string;
  readonly from: Era;
  readonly to: Era;
  readonly outcome: Outcome;
  readonly expected: Outcome;
}

const rows: readonly Row[] = [
  {
    why: 'within the legacy era nothing is touched',
    from: 'legacy',
    to: 'legacy',
    outcome: { result: { content: text, 'acme/top': 1, ttlMs: 5, _meta: { [SERVER]: 1 } } },
    expected: { result: { content: text, 'acme/top': 1, ttlMs: 5, _meta: { [SERVER]: 1 } } },
  },
  {
    why: 'errors of the legacy era pass',
    from: 'legacy',
    to: 'legacy',
    outcome: error(-32002),
    expected: error(-32002),
  },
  {
    why: 'a modern client needs a result type and learns who answers',
    from: 'legacy',
    to: 'modern',
    outcome: {
      result: { content: text, isError: false, 'acme/top': 1, _meta: { 'acme/m': 1, [SERVER]: 'x' } },
    },
    expected: {
      result: {
        content: text,
        isError: false,
        'acme/top': 1,
        resultType: 'complete',
        _meta: { [SERVER]: gateway, 'acme/m': 1 },
      },
    },
  },
  {
    why: 'a legacy server cannot ask for input, whatever it writes',
    from: 'legacy',
    to: 'modern',
    outcome: { result: { resultType: 'input_required', content: [] } },
    expected: { result: { resultType: 'complete', content: [], _meta: { [SERVER]: gateway } } },
  },
  {
    why: '-32002 must not be emitted (basic, Error Codes)',
    from: 'legacy',
    to: 'modern',
    outcome: error(-32002),
    expected: error(-32602),
  },
  {
    why: '-32042 must not be emitted',
    from: 'legacy',
    to: 'modern',
    outcome: error(-32042),
    expected: error(-32603),
  },
  {
    why: 'a reserved code of a legacy server has another meaning',
    from: 'legacy',
    to: 'modern',
    outcome: error(-32020),
    expected: error(-32603),
  },
  {
    why: 'the last reserved code',
    from: 'legacy',
    to: 'modern',
    outcome: error(-32099),
    expected: error(-32603),
  },
  {
    why: 'codes of implementations pass',
    from: 'legacy',
    to: 'modern',
    outcome: error(-32019),
    expected: error(-32019),
  },
  { why: 'own codes of servers pass', from: 'legacy', to: 'modern', outcome: error(42), expected: error(42) },
  {
    why: 'a legacy client does not know these fields',
    from: 'modern',
    to: 'legacy',
    outcome: {
      result: {
        resultType: 'complete',
        ttlMs: 1,
        cacheScope: 'public',
        content: text,
        'acme/top': 1,
        _meta: { [SERVER]: {}, 'acme/m': 1 },
      },
    },
    expected: { result: { content: text, 'acme/top': 1, _meta: { 'acme/m': 1 } } },
  },
  {
    why: 'a _meta of reserved keys alone is nothing to a legacy client',
    from: 'modern',
    to: 'legacy',
    outcome: { result: { resultType: 'complete', content: text, _meta: { [SERVER]: {} } } },
    expected: { result: { content: text } },
  },
  {
    why: 'an empty _meta is the server’s own',
    from: 'modern',
    to: 'legacy',
    outcome: { result: { resultType: 'complete', content: text, _meta: {} } },
    expected: { result: { content: text, _meta: {} } },
  },
  {
    why: 'structured content of another kind is told in text',
    from: 'modern',
    to: 'legacy',
    outcome: { result: { resultType: 'complete', content: [], structuredContent: [1, 2] } },
    expected: { result: { content: [{ type: 'text', text: '[1,2]' }] } },
  },
  {
    why: 'a number is told in text with all its digits',
    from: 'modern',
    to: 'legacy',
    outcome: { result: { content: [], structuredContent: parseExactJson('725653563933458432') } },
    expected: { result: { content: [{ type: 'text', text: '725653563933458432' }] } },
  },
  {
    why: 'text that is there already says it',
    from: 'modern',
    to: 'legacy',
    outcome: { result: { resultType: 'complete', content: text, structuredContent: 5 } },
    expected: { result: { content: text } },
  },
  {
    why: 'structured content that is an object stays',
    from: 'modern',
    to: 'legacy',
    outcome: { result: { resultType: 'complete', content: text, structuredContent: { a: 1 } } },
    expected: { result: { content: text, structuredContent: { a: 1 } } },
  },
  {
    why: 'errors of servers pass',
    from: 'modern',
    to: 'legacy',
    outcome: error(-32602),
    expected: error(-32602),
  },
  {
    why: 'within the modern era only what is missing is added',
    from: 'modern',
    to: 'modern',
    outcome: {
      result: { resultType: 'task', taskId: 't', 'acme/top': 1, _meta: { [SERVER]: { name: 'up' } } },
    },
    expected: {
      result: { resultType: 'task', taskId: 't', 'acme/top': 1, _meta: { [SERVER]: { name: 'up' } } },
    },
  },
  {
    why: 'a question to the user passes',
    from: 'modern',
    to: 'modern',
    outcome: {
      result: {
        resultType: 'input_required',
        inputRequests: { k: { method: 'elicitation/create' } },
        requestState: 's',
      },
    },
    expected: {
      result: {
        resultType: 'input_required',
        inputRequests: { k: { method: 'elicitation/create' } },
        requestState: 's',
      },
    },
  },
  {
    why: 'a missing capability is for the client to know',
    from: 'modern',
    to: 'modern',
    outcome: error(-32021),
    expected: error(-32021),
  },
];

test.each(rows)('$from to $to: $why', ({ from, to, outcome, expected }) => {
  expect(clients[to].translate[from](outcome, 'tools/call')).toEqual(expected);
});

test.each([
  ['legacy', 'legacy', 'z _meta y content a'],
  ['legacy', 'modern', 'z _meta y content a'],
  ['modern', 'legacy', 'z _meta y content a'],
  ['modern', 'modern', 'z ttlMs _meta y cacheScope content resultType a'],
] as const)('%s to %s: the fields stay in the order of the server', (from, to, order) => {
  const fields = 'z ttlMs _meta y cacheScope content resultType a'.split(' ');
  const result = {
    ...Object.fromEntries(fields.map((name) => [name, 1])),
    ...{ resultType: 'complete', _meta: { b: 1, [SERVER]: { name: 's' }, a: 1 } },
  };
  const { [SERVER]: _server, ...legacyMeta } = result._meta;
  const outcome = {
    result:
      from === 'modern'
        ? result
        : { ...Object.fromEntries(order.split(' ').map((name) => [name, 1])), _meta: legacyMeta },
  };
  const translated = clients[to].translate[from](outcome, 'resources/read');
  const shown = 'result' in translated ? translated.result : {};
  const own = Object.keys(shown).filter((name) => fields.includes(name));
  expect(own.filter((name) => order.split(' ').includes(name)).join(' ')).toBe(order);
  const meta = Object.keys(shown['_meta'] ?? {}).filter((name) => name !== SERVER);
  expect(meta).toEqual(['b', 'a']);
});

describe('what lies between the gateway and its upstream', () => {
  test.each(['legacy', 'modern'] as const)('-32020 and -32022 never reach a %s client', (to) => {
    for (const code of [-32020, -32022]) {
      expect(clients[to].translate.modern(error(code), 'tools/call')).toMatchObject({
        error: { code: -32603 },
      });
    }
  });
});

describe('what a legacy client cannot do is a failed tool that says so', () => {
  test.each([
    {
      why: 'give input',
      outcome: { result: { resultType: 'input_required', inputRequests: {} } },
      says: 'asks the user',
    },
    { why: 'read a task', outcome: { result: { resultType: 'task', taskId: 't' } }, says: 'such as a task' },
    {
      why: 'declare a capability',
      outcome: { error: { code: -32021, message: 'm', data: { requiredCapabilities: { sampling: {} } } } },
      says: '(sampling)',
    },
  ])('$why', ({ outcome, says }) => {
    const translated = legacyClient.translate.modern(outcome, 'tools/call');
    expect(translated).toMatchObject({ result: { isError: true } });
    expect(JSON.stringify(translated)).toContain(says);
    expect(JSON.stringify(translated)).not.toContain('resultType');
  });
});

describe('how long a modern client may keep what a server said, and for whom', () => {
  const hints = (from: Era, method: string, result: Record<string, unknown>) => {
    const translated = modernClient.translate[from]({ result }, method);
    const { ttlMs, cacheScope } = 'result' in translated ? translated.result : {};
    return { ttlMs, cacheScope };
  };
  const none = { ttlMs: undefined, cacheScope: undefined };

  test.each([
    {
      why: 'a server of its era says how long, and the gateway for whom',
      from: 'modern',
      method: 'resources/read',
      result: { resultType: 'complete', contents: [], ttlMs: 5, cacheScope: 'public' },
      expected: { ttlMs: 5, cacheScope: 'private' },
    },
    {
      why: 'of a legacy server nobody knows',
      from: 'legacy',
      method: 'resources/list',
      result: { resources: [] },
      expected: { ttlMs: 0, cacheScope: 'private' },
    },
    {
      why: 'what asks for another round is not kept',
      from: 'modern',
      method: 'resources/read',
      result: { resultType: 'input_required', inputRequests: {} },
      expected: none,
    },
    {
      why: 'the result of a tool is not kept',
      from: 'legacy',
      method: 'tools/call',
      result: { content: [] },
      expected: none,
    },
  ] as const)('$why', ({ from, method, result, expected }) => {
    expect(hints(from, method, result)).toEqual(expected);
  });
});

test('the gateway names itself as its package does', () => {
  expect(GATEWAY_INFO).toEqual({ name: packageJson.name, version: packageJson.version });
});
