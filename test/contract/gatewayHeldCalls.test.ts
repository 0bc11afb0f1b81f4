import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomId } from '../../shared/platform/base/ids.ts';
import { azureTableServerStore } from '../../shared/registry/records/azureTableServerStore.ts';
import { versionedStore } from '../../shared/registry/records/registryVersion.ts';
import { type FeatureServer, startFeatureServer } from '../support/features/featureServer.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import {
  discoveryOf,
  type HandmadeUpstream,
  handmadeUpstream,
  json,
  openEvents,
} from '../support/handmadeUpstream.ts';
import { memoryState } from '../support/memoryState.ts';
import { memoryTables } from '../support/memoryTables.ts';
import { type Answered, post } from '../support/rawClient.ts';

/* A client of 2026-07-28 in front of a server of 2025 that asks in the middle of its answer. Two instances share the state. */

let one: TestGateway;
let two: TestGateway;
/** An instance that stops reading the shared state when it dies. Its process is not there to end anything. */
let dying: TestGateway;
let hasDied = false;
let features: FeatureServer;
/** Asks once in each call, by a request with an id of its own, and ends the call with what it was told. */
let asking: HandmadeUpstream;

beforeAll(async () => {
  const state = memoryState();
  const records = versionedStore(azureTableServerStore(memoryTables()), state, randomId);
  const untilDeath = {
    ...state,
    get: (key: string) => (hasDied ? new Promise<never>(() => undefined) : state.get(key)),
  };
  [one, two, dying] = await Promise.all([
    startGateway(state, records),
    startGateway(state, records),
    startGateway(untilDeath, records),
  ]);
  features = await startFeatureServer('legacy');
  await one.register('features', features.url);
  const running = new Map<unknown, (answer: unknown) => void>();
  asking = await handmadeUpstream(
    (response, { message }) => {
      const event = openEvents(response);
      const token = (message.params?.['_meta'] as { progressToken?: unknown } | undefined)?.progressToken;
      const progress = (at: number) => {
        const params = { progressToken: token, progress: at };
        if (token !== undefined) event({ jsonrpc: '2.0', method: 'notifications/progress', params });
      };
      progress(1);
      const id = `ask-${String(message.id)}`;
      running.set(id, (answer) => {
        progress(2);
        const text = JSON.stringify(answer);
        event({ jsonrpc: '2.0', id: message.id, result: { content: [{ type: 'text', text }] } });
        response.end();
      });
      const params = { mode: 'url', url: 'https://example.com/', message: '?', elicitationId: 'e' };
      event({ jsonrpc: '2.0', id, method: 'elicitation/create', params });
    },
    {
      POST: (response, { message }) => {
        const { id, result, error } = message as { id?: unknown; result?: unknown; error?: unknown };
        response.writeHead(202).end();
        running.get(id)?.(result ?? error);
      },
    },
  );
  await one.register('asking', asking.url, { discovery: discoveryOf('legacy') });
});
afterAll(async () => {
  await Promise.all([one, two, dying, features, asking].map((each) => each.close()));
});

const ALL = { elicitation: {}, sampling: {}, roots: {} };
const meta = (capabilities: object, more: object = {}) => ({
  _meta: { 'io.modelcontextprotocol/clientCapabilities': capabilities, ...more },
});

async function call(
  url: string,
  params: Record<string, unknown>,
  capabilities: object = ALL,
  headers: Record<string, string> = {},
  more: object = {},
): Promise<{ readonly all: Answered[]; readonly last: Answered; readonly status: number }> {
  const answer = await post(
    url,
    'modern',
    'tools/call',
    { ...params, ...meta(capabilities, more) },
    headers,
    AbortSignal.timeout(20_000),
  );
  const all = await answer.all();
  return { all, last: all.at(-1) ?? {}, status: answer.status };
}

type Requests = Record<string, { readonly method: string; readonly params?: Record<string, unknown> }>;
const asked = ({ result }: Answered): Requests => (result?.['inputRequests'] ?? {}) as Requests;
const responses = {
  'elicitation/create': { action: 'accept', content: { response: 'blue', name: 'Ann' } },
  'sampling/createMessage': { role: 'assistant', content: { type: 'text', text: 'Paris' }, model: 'm' },
  'roots/list': { roots: [{ uri: 'file:///r' }] },
} as Record<string, object>;
const answersTo = (last: Answered): Record<string, unknown> => ({
  requestState: last.result?.['requestState'],
  inputResponses: Object.fromEntries(
    Object.entries(asked(last)).map(([key, { method }]) => [key, responses[method]]),
  ),
});

/** Makes a call and answers what is asked, at these places in turn. */
async function answering(urls: readonly string[], params: Record<string, unknown>) {
  const methods: string[] = [];
  let { last } = await call(urls[0] ?? '', params);
  for (let round = 1; last.result?.['resultType'] === 'input_required' && round < 10; round++) {
    methods.push(...Object.values(asked(last)).map(({ method }) => method));
    ({ last } = await call(urls[round % urls.length] ?? '', { ...params, ...answersTo(last) }));
  }
  return { methods, last };
}

describe.each([
  { place: 'at one instance', urls: () => [one.urlOf('features')] },
  { place: 'at two instances in turn', urls: () => [one.urlOf('features'), two.urlOf('features')] },
])('what a 2025 server asks of a 2026 client, $place,', ({ urls }) => {
  test('is in the result, and the answers reach the server in the middle of its call', async () => {
    const { methods, last } = await answering(urls(), {
      name: 'test_input_required_result_multiple_inputs',
      arguments: {},
    });
    expect(methods).toEqual(['elicitation/create', 'sampling/createMessage', 'roots/list']);
    expect(last.result).toMatchObject({ resultType: 'complete' });
    expect(JSON.stringify(last.result?.content)).toContain('Paris');
  });

  test('may take several rounds', async () => {
    const { methods, last } = await answering(urls(), {
      name: 'test_input_required_result_multi_round',
      arguments: {},
    });
    expect(methods).toEqual(['elicitation/create', 'elicitation/create']);
    expect(last.result?.content).toHaveLength(1);
  });
});

test('it is asked at the aggregate endpoint too', async () => {
  const name = 'features__test_elicitation';
  const { methods } = await answering([one.url, two.url], { name, arguments: { message: '?' } });
  expect(methods).toEqual(['elicitation/create']);
});

test('a client that declares nothing is not asked, and the server learns that', async () => {
  const { last } = await call(
    one.urlOf('features'),
    { name: 'test_elicitation', arguments: { message: '?' } },
    {},
  );
  expect(last.result).toMatchObject({ resultType: 'complete' });
  expect(asking.calls()).toEqual([]);
});

describe('a held call', () => {
  const begin = async () => (await call(one.urlOf('asking'), { name: 'echo' })).last;
  const told = () =>
    asking.received.filter(({ message }) => message.method === 'notifications/cancelled').length;

  test('shows the request without its 2025 id, and keeps progress with the token of each call', async () => {
    const first = await call(one.urlOf('asking'), { name: 'echo' }, ALL, {}, { progressToken: 'a' });
    expect(asked(first.last)).toEqual({
      request: {
        method: 'elicitation/create',
        params: { mode: 'url', url: 'https://example.com/', message: '?' },
      },
    });
    const params = { name: 'echo', ...answersTo(first.last) };
    const second = await call(one.urlOf('asking'), params, ALL, {}, { progressToken: 'b' });
    const progress = ({ all }: typeof first) => all.slice(0, -1).map((said) => said.params);
    expect(progress(first)).toEqual([{ progressToken: 'a', progress: 1 }]);
    expect(progress(second)).toEqual([{ progressToken: 'b', progress: 2 }]);
    expect(JSON.stringify(second.last.result?.content)).toContain('blue');
  });

  test.each([
    { why: 'another user', headers: { 'x-user': 'mallory' }, params: {} },
    { why: 'another tool', headers: {}, params: { name: 'other' } },
    { why: 'a changed state', headers: {}, params: { requestState: 'made-up' } },
    { why: 'a state that is no text', headers: {}, params: { requestState: { a: 1 } } },
  ])('is not resumed by $why', async ({ headers, params }) => {
    const last = await begin();
    const good = { name: 'echo', ...answersTo(last) };
    const refused = await call(one.urlOf('asking'), { ...good, ...params }, ALL, headers);
    expect(refused.last.error).toMatchObject({ code: -32602 });
    expect((await call(two.urlOf('asking'), good)).last.result).toMatchObject({ resultType: 'complete' });
  });

  test('is not resumed at the endpoint of another server', async () => {
    const last = await begin();
    const { last: refused } = await call(one.urlOf('features'), {
      name: 'test_elicitation',
      arguments: {},
      ...answersTo(last),
    });
    expect(refused.error).toMatchObject({ code: -32602 });
  });

  test('is resumed once, whichever instances are asked at the same time', async () => {
    const good = { name: 'echo', ...answersTo(await begin()) };
    const answers = await Promise.all([one, two, one].map((at) => call(at.urlOf('asking'), good)));
    expect(answers.filter(({ last }) => last.result !== undefined)).toHaveLength(1);
    expect(answers.filter(({ last }) => last.error?.code === -32602)).toHaveLength(2);
  });

  test('is rejected within seconds when the instance that held it has died', async () => {
    const { last } = await call(dying.urlOf('asking'), { name: 'echo' });
    hasDied = true;
    const startedAt = performance.now();
    const retried = await call(two.urlOf('asking'), { name: 'echo', ...answersTo(last) });
    expect(retried.last.error).toMatchObject({ code: -32602 });
    expect(performance.now() - startedAt).toBeLessThan(8_000);
  });

  test('asks again where the answer is missing', async () => {
    const last = await begin();
    for (const inputResponses of [undefined, {}, { other: {} }, { request: 'text' }]) {
      const { requestState } = last.result ?? {};
      const again = await call(two.urlOf('asking'), { name: 'echo', requestState, inputResponses });
      expect(asked(again.last)).toEqual(asked(last));
      Object.assign(last, again.last);
    }
    const done = await call(one.urlOf('asking'), { name: 'echo', ...answersTo(last) });
    expect(done.last.result).toMatchObject({ resultType: 'complete' });
  });

  test('keeps on when its client closes the connection of the call that was answered', async () => {
    const before = told();
    const last = await begin();
    expect(told()).toBe(before);
    const done = await call(one.urlOf('asking'), { name: 'echo', ...answersTo(last) });
    expect(done.last.result).toMatchObject({ resultType: 'complete' });
  });

  test('beyond those that a caller may have is not held: the server is told that nobody answers', async () => {
    const headers = { 'x-user': 'busy' };
    const ask = () => call(one.urlOf('asking'), { name: 'echo' }, ALL, headers);
    const held = await Promise.all(Array.from({ length: 16 }, ask));
    for (const { last } of held) expect(last.result).toMatchObject({ resultType: 'input_required' });
    expect(JSON.stringify((await ask()).last.result?.content)).toContain('too many calls');
    // The others have places of their own.
    expect((await begin()).result).toMatchObject({ resultType: 'input_required' });
    const [first] = held;
    const done = await call(
      one.urlOf('asking'),
      { name: 'echo', ...answersTo(first?.last ?? {}) },
      ALL,
      headers,
    );
    expect(done.last.result).toMatchObject({ resultType: 'complete' });
    expect((await ask()).last.result).toMatchObject({ resultType: 'input_required' });
  });
});

describe('a 2025 server that ends a call because the user must open a web page first', () => {
  const client = { elicitation: { url: {} } };
  let hasOpened = false;
  let shop: HandmadeUpstream;
  beforeAll(async () => {
    shop = await handmadeUpstream((response, { message: { id } }) => {
      const page = { mode: 'url', url: 'https://example.com/pay', message: 'Pay first.', elicitationId: 'e' };
      const error = { code: -32042, message: 'Pay first.', data: { elicitations: [page, 'odd'] } };
      const result = { content: [{ type: 'text', text: 'paid' }] };
      json(response, { jsonrpc: '2.0', id, ...(hasOpened ? { result } : { error }) });
    });
    await one.register('shop', shop.url, { discovery: discoveryOf('legacy') });
  });
  afterAll(() => shop.close());
  const buy = (at: TestGateway, capabilities: object, more: Record<string, unknown> = {}) =>
    call(at.urlOf('shop'), { name: 'echo', ...more }, capabilities);

  test('asks a 2026 client that can open it, and gets a new call when the user has', async () => {
    const { last } = await buy(one, client);
    const params = { mode: 'url', url: 'https://example.com/pay', message: 'Pay first.' };
    expect(last.result).toMatchObject({ resultType: 'input_required' });
    expect(asked(last)).toEqual({ 'mcp-registry-gateway/url-1': { method: 'elicitation/create', params } });
    hasOpened = true;
    const inputResponses = { 'mcp-registry-gateway/url-1': { action: 'accept' } };
    const done = await buy(two, client, { inputResponses });
    expect(done.last.result).toMatchObject({ resultType: 'complete', content: [{ text: 'paid' }] });
    expect(shop.calls().at(-1)?.message.params).not.toHaveProperty('inputResponses');
    hasOpened = false;
  });

  test('gets no new call when the user has not', async () => {
    const calls = shop.calls().length;
    const { last } = await buy(one, client, {
      inputResponses: { 'mcp-registry-gateway/url-1': { action: 'decline' } },
    });
    expect(last.error).toMatchObject({ message: expect.stringContaining('web page') as string });
    expect(shop.calls()).toHaveLength(calls);
  });

  test('reaches a 2026 client that opens no pages as an error of its era', async () => {
    const { last } = await buy(one, { elicitation: {} });
    expect(last.error).toMatchObject({ code: -32603, message: 'Pay first.' });
  });
});
