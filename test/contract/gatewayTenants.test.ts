import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type FeatureServer, startFeatureServer } from '../support/features/featureServer.ts';
import { GUEST, SHARER, startGateway, type TestGateway } from '../support/gateway.ts';
import { discoveryOf, handmadeUpstream, json } from '../support/handmadeUpstream.ts';
import { post } from '../support/rawClient.ts';

const WATCHED = 'test://watched-resource';
const guest = { 'x-tenant': GUEST };
const shared = { tenantId: SHARER, visibility: 'shared' as const };

let gateway: TestGateway;
let closing: (() => unknown)[];
beforeEach(async () => {
  gateway = await startGateway();
  closing = [];
});
afterEach(async () => {
  for (const close of closing) await close();
  await gateway.close();
});

/** Listens for changes of the watched resource; resolves once the gateway has acknowledged it, or refused. */
async function listen(headers: Record<string, string> = {}) {
  const abort = new AbortController();
  closing.push(() => {
    abort.abort();
  });
  const params = { notifications: { resourceSubscriptions: [WATCHED] } };
  const url = gateway.urlOf('shared');
  const { messages } = await post(url, 'modern', 'subscriptions/listen', params, headers, abort.signal);
  return { messages, first: (await messages.next()).value };
}

test('the streams of a shared server count for the tenant that opens them, not for the tenant that shares it', async () => {
  const upstream: FeatureServer = await startFeatureServer('legacy');
  closing.push(() => upstream.close());
  await gateway.register('shared', upstream.url, shared);
  // One after another they would take long; the gateway opens a session for each.
  await Promise.all(Array.from({ length: 70 }, (_, index) => listen({ 'x-user': `user-${index}` })));
  await expect.poll(() => upstream.listening(), { timeout: 10_000 }).toBe(64);
  const { messages, first } = await listen(guest);
  expect(first).toMatchObject({ method: 'notifications/subscriptions/acknowledged' });
  upstream.touch(WATCHED);
  expect((await messages.next()).value).toMatchObject({ method: 'notifications/resources/updated' });
}, 60_000);

test('a tenant whose slow calls fill its share of an origin is refused, and another tenant is answered', async () => {
  const held: ServerResponse[] = [];
  const answer = (response: ServerResponse) => {
    json(response, { jsonrpc: '2.0', id: 1, result: { content: [] } });
  };
  const upstream = await handmadeUpstream((response, { message }) => {
    const { arguments: given } = message.params ?? {};
    const isQuick = typeof given === 'object' && given !== null && 'quick' in given;
    if (isQuick) json(response, { jsonrpc: '2.0', id: message.id, result: { content: [] } });
    else held.push(response);
  });
  closing.push(() => upstream.close());
  const discovery = discoveryOf('modern');
  await gateway.register('shared', upstream.url, { ...shared, discovery });
  for (const slug of ['own1', 'own2']) await gateway.register(slug, upstream.url, { discovery });
  const call = async (slug: string, args: object, headers: Record<string, string> = {}) => {
    const params = { name: 'echo', arguments: args };
    const { messages } = await post(gateway.urlOf(slug), 'modern', 'tools/call', params, headers);
    return (await messages.next()).value;
  };
  const refused: unknown[] = [];
  const slow = ['shared', 'own1', 'own2'].flatMap((slug) =>
    Array.from({ length: 128 }, () =>
      call(slug, {})
        .then((got) => refused.push(got))
        .catch(() => undefined),
    ),
  );
  await expect.poll(() => held.length + refused.length, { timeout: 20_000 }).toBe(384);
  expect(held).toHaveLength(128);
  expect(refused[0]).toMatchObject({
    error: {
      message: expect.stringContaining("for your tenant, which is the tenant's share") as string,
      data: { kind: 'busy' },
    },
  });
  expect(await call('shared', { quick: true }, guest)).toMatchObject({ result: { content: [] } });
  for (const response of held) answer(response);
  await Promise.all(slow);
}, 60_000);

test('a tenant with all its event streams open is told so, and another tenant still opens one', async () => {
  const upstream = await handmadeUpstream(() => undefined);
  closing.push(() => upstream.close());
  const capabilities = { resources: { subscribe: true } };
  const discovery = { ...discoveryOf('modern', []), capabilities };
  await gateway.register('shared', upstream.url, { ...shared, discovery });
  const mine = await Promise.all(
    Array.from({ length: 501 }, (_, index) => listen({ 'x-user': `user-${index}` })),
  );
  const firsts = mine.map(({ first }) => first);
  expect(firsts.filter((first) => first && 'error' in first)).toEqual([
    expect.objectContaining({
      error: expect.objectContaining({
        message: 'Your tenant has 500 event streams open, which is its share. Close one, or try again later.',
      }) as object,
    }),
  ]);
  expect((await listen(guest)).first).toMatchObject({ method: 'notifications/subscriptions/acknowledged' });
}, 60_000);
