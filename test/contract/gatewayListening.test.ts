import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refreshAll } from '../../shared/gateway/catalogue/refresh.ts';
import { createSseParser } from '../../shared/gateway/protocol/sse.ts';
import { systemClock } from '../../shared/platform/base/clock.ts';
import { InfrastructureError } from '../../shared/platform/base/errors.ts';
import { openOutboundClient } from '../../shared/platform/outbound/outboundClient.ts';
import { type FeatureServer, startFeatureServer } from '../support/features/featureServer.ts';
import { startGateway, tenantId, type TestGateway } from '../support/gateway.ts';
import { discoveryOf } from '../support/handmadeUpstream.ts';
import { memoryState } from '../support/memoryState.ts';
import { type Answered, post, postRaw } from '../support/rawClient.ts';

let gateway: TestGateway;
/** Where the server of an era has a slug that every object knows as a name. */
const named = {} as Record<'legacy' | 'modern', TestGateway>;
const upstreams = {} as Record<'legacy' | 'modern', FeatureServer>;
const eras = ['legacy', 'modern'] as const;
const WATCHED = 'test://watched-resource';
const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';

beforeAll(async () => {
  gateway = await startGateway();
  for (const era of eras) {
    upstreams[era] = await startFeatureServer(era);
    await gateway.register(era, upstreams[era].url);
    named[era] = await startGateway();
    await named[era].register('constructor', upstreams[era].url);
  }
});
afterAll(async () => {
  await Promise.all([
    gateway.close(),
    ...eras.flatMap((era) => [named[era].close(), upstreams[era].close()]),
  ]);
});

/** Where a server is looked at, and what its watched resource is called there. */
const places = eras.flatMap((era) => [
  { era, place: 'its own endpoint', url: () => gateway.urlOf(era), uri: WATCHED },
  { era, place: 'the aggregate endpoint', url: () => gateway.url, uri: `mcp+${era}+${WATCHED}` },
  { era, place: 'the endpoint "constructor"', url: () => named[era].urlOf('constructor'), uri: WATCHED },
  {
    era,
    place: 'the aggregate endpoint as "constructor"',
    url: () => named[era].url,
    uri: `mcp+constructor+${WATCHED}`,
  },
]);

async function begin(url: string): Promise<Record<string, string>> {
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c', version: '1' } };
  const answer = await postRaw(url, { jsonrpc: '2.0', id: 0, method: 'initialize', params });
  return { 'mcp-session-id': answer.headers.get('mcp-session-id') ?? '' };
}

/** The messages of a GET stream, as they come. */
async function* streamOf(response: Response): AsyncGenerator<Answered, void, undefined> {
  const parser = createSseParser(100_000);
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    for (const { data } of parser.push(chunk)) yield JSON.parse(data) as Answered;
  }
}

/** Waits until the server has one listener more than before. */
async function heardBy(era: 'legacy' | 'modern', before: number): Promise<void> {
  await expect.poll(() => upstreams[era].listening(), { timeout: 5_000 }).toBe(before + 1);
}

describe.each(places)('a resource of a $era server at $place', ({ era, url, uri }) => {
  test('that a legacy client subscribed to tells it of each change, and no more when it has had enough', async () => {
    const session = await begin(url());
    const before = upstreams[era].listening();
    const abort = new AbortController();
    const say = (method: string) =>
      postRaw(url(), { jsonrpc: '2.0', id: 1, method, params: { uri } }, session);
    expect(await (await say('resources/subscribe')).all()).toMatchObject([{ result: {} }]);
    const response = await fetch(url(), { headers: session, signal: abort.signal });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    await heardBy(era, before);
    const heard = streamOf(response);
    upstreams[era].touch('test://static-text');
    upstreams[era].touch(WATCHED);
    expect((await heard.next()).value).toEqual({
      jsonrpc: '2.0',
      method: 'notifications/resources/updated',
      params: { uri },
    });
    expect(await (await say('resources/unsubscribe')).all()).toMatchObject([{ result: {} }]);
    abort.abort();
    await expect.poll(() => upstreams[era].listening(), { timeout: 5_000 }).toBe(before);
  });

  test('that a modern client listens for is acknowledged first, and every change says for which request it is', async () => {
    const before = upstreams[era].listening();
    const abort = new AbortController();
    const answer = await post(
      url(),
      'modern',
      'subscriptions/listen',
      { notifications: { resourceSubscriptions: [uri], acmeChanged: true } },
      {},
      abort.signal,
    );
    const _meta = { [SUBSCRIPTION]: 'client-id' };
    expect((await answer.messages.next()).value).toEqual({
      jsonrpc: '2.0',
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: { resourceSubscriptions: [uri] }, _meta },
    });
    upstreams[era].touch('test://static-text');
    upstreams[era].touch(WATCHED);
    expect((await answer.messages.next()).value).toEqual({
      jsonrpc: '2.0',
      method: 'notifications/resources/updated',
      params: { uri, _meta },
    });
    abort.abort();
    await expect.poll(() => upstreams[era].listening(), { timeout: 5_000 }).toBe(before);
  });
});

describe.each(eras)('a changed list of a %s server', (era) => {
  test('reaches those who asked for it when the registry has it, and nobody else', async () => {
    const trigger = (tool: string) =>
      post(gateway.urlOf(era), 'legacy', 'tools/call', { name: tool }).then((answer) => answer.all());
    const listen = async (notifications: object) => {
      const abort = new AbortController();
      const url = gateway.urlOf(era);
      const answer = await post(url, 'modern', 'subscriptions/listen', { notifications }, {}, abort.signal);
      await answer.messages.next();
      return { messages: answer.messages, abort };
    };
    const tools = await listen({ toolsListChanged: true });
    const prompts = await listen({ promptsListChanged: true });
    const session = await begin(gateway.urlOf(era));
    const before = upstreams[era].listening();
    const get = new AbortController();
    const legacy = streamOf(await fetch(gateway.urlOf(era), { headers: session, signal: get.signal }));
    await heardBy(era, before);

    const discovered = (await gateway.servers.find(tenantId, era))?.etag;
    await trigger('test_trigger_tool_change');
    expect((await tools.messages.next()).value).toMatchObject({
      method: 'notifications/tools/list_changed',
      params: { _meta: { [SUBSCRIPTION]: 'client-id' } },
    });
    expect((await legacy.next()).value).toMatchObject({ method: 'notifications/tools/list_changed' });
    expect((await gateway.servers.find(tenantId, era))?.etag).not.toBe(discovered);
    await trigger('test_trigger_prompt_change');
    expect((await prompts.messages.next()).value).toMatchObject({
      method: 'notifications/prompts/list_changed',
    });
    for (const abort of [tools.abort, prompts.abort, get]) abort.abort();
  });
});

test('a server that is registered or withdrawn changes the aggregate list', async () => {
  const abort = new AbortController();
  const notifications = { toolsListChanged: true };
  const answer = await post(
    gateway.url,
    'modern',
    'subscriptions/listen',
    { notifications },
    {},
    abort.signal,
  );
  expect((await answer.messages.next()).value).toMatchObject({ params: { notifications } });
  await gateway.register('another', upstreams.modern.url);
  expect((await answer.messages.next()).value).toMatchObject({ method: 'notifications/tools/list_changed' });
  await gateway.withdraw('another');
  expect((await answer.messages.next()).value).toMatchObject({ method: 'notifications/tools/list_changed' });
  abort.abort();
});

test('of one session only the newest stream is served', async () => {
  const session = await begin(gateway.url);
  const first = await fetch(gateway.url, { headers: session });
  const second = await fetch(gateway.url, { headers: session, signal: AbortSignal.timeout(20_000) });
  // It ends by itself once it is seen that another has taken its place.
  for await (const message of streamOf(first)) expect(message).toBeUndefined();
  expect(second.status).toBe(200);
  await second.body?.cancel();
});

test('a stream that could not be opened in an outage takes no place', async () => {
  let isAway = false;
  const state = memoryState();
  const compareAndSet: typeof state.compareAndSet = (...change) =>
    isAway
      ? Promise.reject(new InfrastructureError('redis', 'test', undefined))
      : state.compareAndSet(...change);
  const shaky = await startGateway({ ...state, compareAndSet });
  await shaky.register('legacy', upstreams.legacy.url);
  const headers = await begin(shaky.url);
  isAway = true;
  // As many as a tenant may have open at one instance.
  for (let opened = 0; opened < 500; opened += 50) {
    const answers = await Promise.all(Array.from({ length: 50 }, () => fetch(shaky.url, { headers })));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
  }
  isAway = false;
  const abort = new AbortController();
  expect((await fetch(shaky.url, { headers, signal: abort.signal })).status).toBe(200);
  abort.abort();
  await shaky.close();
});

test('no event of a stream has an id, so that no client expects to get back what it has missed', async () => {
  const session = await begin(gateway.urlOf('legacy'));
  const before = upstreams.legacy.listening();
  const abort = new AbortController();
  const headers = { ...session, 'last-event-id': 'one-of-another-server' };
  const response = await fetch(gateway.urlOf('legacy'), { headers, signal: abort.signal });
  expect(response.status).toBe(200);
  await heardBy('legacy', before);
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'test_tool_with_logging' } };
  const answer = await fetch(gateway.urlOf('legacy'), {
    method: 'POST',
    headers: { ...session, 'content-type': 'application/json' },
    body: JSON.stringify(call),
  });
  const streamed = await answer.text();
  expect(streamed).toContain('data: ');
  expect(streamed).not.toMatch(/^(id|retry)/m);
  abort.abort();
});

test.each([
  { headers: {}, status: 400, why: 'it belongs to a session' },
  { headers: { 'mcp-session-id': 'x' }, status: 404, why: 'the session must be one' },
])('a GET with $headers is a $status: $why', async ({ headers, status }) => {
  expect((await fetch(gateway.url, { headers })).status).toBe(status);
});

test('every active server is looked at anew from time to time, and one that is down keeps its lists', async () => {
  const changing = await startFeatureServer('modern');
  await gateway.register('changing', changing.url);
  await gateway.register('down', 'http://127.0.0.1:9/mcp', { discovery: discoveryOf('legacy') });
  await gateway.register('waiting', changing.url, { status: 'pending' });
  const descriptionOf = async (slug: string) => {
    const record = await gateway.servers.find(tenantId, slug);
    return record?.value.discovery?.tools[0]?.['description'];
  };
  const outbound = openOutboundClient('private_allowed');
  const deps = {
    servers: gateway.servers,
    outboundTo: () => outbound,
    shortLived: memoryState(),
    clock: systemClock,
    noteHealth: () => undefined,
    credentials: { isPersonal: () => false, isAccount: () => false },
  };
  const etags = async () =>
    Promise.all(['changing', 'down'].map(async (slug) => (await gateway.servers.find(tenantId, slug))?.etag));
  const before = await etags();
  await refreshAll(deps, [tenantId], AbortSignal.timeout(20_000));
  // Nothing has changed, so nothing is written.
  expect(await etags()).toEqual(before);
  await (
    await post(gateway.urlOf('changing'), 'modern', 'tools/call', { name: 'test_trigger_tool_change' })
  ).all();
  await refreshAll(deps, [tenantId], AbortSignal.timeout(20_000));
  expect(await descriptionOf('changing')).toBe('The feature test_simple_text, 1');
  expect((await gateway.servers.find(tenantId, 'down'))?.value.discovery?.tools).toHaveLength(1);
  expect((await etags())[1]).toBe(before[1]);
  await Promise.all([changing.close(), outbound.close()]);
});
