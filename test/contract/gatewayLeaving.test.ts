import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomId } from '../../shared/platform/base/ids.ts';
import { azureTableServerStore } from '../../shared/registry/records/azureTableServerStore.ts';
import { versionedStore } from '../../shared/registry/records/registryVersion.ts';
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
import { post, postRaw } from '../support/rawClient.ts';

/*
 * Clients that leave, and clients that cancel. The server answers a call never, and either says nothing at all or opens an event
 * stream first. Two instances share the registry and the state.
 */

const ways = ['silent', 'streaming'] as const;
type Way = (typeof ways)[number];
let one: TestGateway;
let two: TestGateway;
/** The server `…-legacy` or `…-modern` of each way. */
const servers = new Map<string, HandmadeUpstream & { readonly closed: () => Promise<unknown> }>();

beforeAll(async () => {
  const state = memoryState();
  const records = versionedStore(azureTableServerStore(memoryTables()), state, randomId);
  [one, two] = await Promise.all([startGateway(state, records), startGateway(state, records)]);
  for (const way of ways) {
    for (const era of ['legacy', 'modern'] as const) {
      let closed: Promise<unknown> = Promise.resolve();
      const server = await handmadeUpstream((response, { message }) => {
        closed = once(response, 'close');
        if (message.params?.['arguments'] !== undefined)
          json(response, { jsonrpc: '2.0', id: message.id, result: { content: [] } });
        else if (way === 'streaming') openEvents(response);
      });
      servers.set(`${way}-${era}`, { ...server, closed: () => closed });
      await one.register(`${way}-${era}`, server.url, { discovery: discoveryOf(era) });
    }
  }
});
afterAll(async () => {
  await Promise.all([one.close(), two.close(), ...[...servers.values()].map((server) => server.close())]);
});

async function begin(url: string, headers: Record<string, string> = {}): Promise<Record<string, string>> {
  const hello = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c', version: '1' } };
  const answer = await postRaw(url, { jsonrpc: '2.0', id: 0, method: 'initialize', params: hello }, headers);
  const session = answer.headers.get('mcp-session-id') ?? '';
  return { ...headers, 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' };
}

const callOf = (id: unknown, name = 'echo') => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name },
});
const cancelOf = (requestId: unknown) => ({
  jsonrpc: '2.0',
  method: 'notifications/cancelled',
  params: { requestId },
});

/** Waits for a further call at the server. */
async function called(slug: string, before: number) {
  const server = servers.get(slug);
  if (server === undefined) throw new Error(slug);
  await expect.poll(() => server.calls().length).toBe(before + 1);
  return { server, received: server.calls()[before] };
}
const callsOf = (slug: string) => servers.get(slug)?.calls().length ?? 0;
const cancelledAt = (slug: string) =>
  (servers.get(slug)?.received ?? []).filter(({ message }) => message.method === 'notifications/cancelled');

describe.each(ways)('a client that leaves while a %s server works', (way: Way) => {
  test.each(['legacy', 'modern'] as const)('of the %s era ends the call there', async (era) => {
    for (const client of ['legacy', 'modern'] as const) {
      const slug = `${way}-${era}`;
      const url = one.urlOf(slug);
      const headers = client === 'legacy' ? await begin(url) : {};
      const before = { calls: callsOf(slug), cancelled: cancelledAt(slug).length };
      const audited = one.audited.length;
      const abort = new AbortController();
      const gone = post(url, client, 'tools/call', { name: 'echo' }, headers, abort.signal)
        .then((answer) => answer.all())
        .catch(() => undefined);
      const { server, received } = await called(slug, before.calls);
      const leftAt = performance.now();
      abort.abort();
      await server.closed();
      // A legacy server goes on when its connection closes, so it is told.
      const told = () => cancelledAt(slug).slice(before.cancelled);
      await expect.poll(() => told().length).toBe(era === 'legacy' ? 1 : 0);
      expect(performance.now() - leftAt).toBeLessThan(1_000);
      if (era === 'legacy') {
        expect(told()[0]?.message.params).toEqual({ requestId: received?.message.id });
        expect(told()[0]?.headers['mcp-session-id']).toBe(received?.headers['mcp-session-id']);
      }
      await expect
        .poll(() => one.audited.slice(audited))
        .toMatchObject([{ action: 'tools/call', outcome: 'cancelled' }]);
      await gone;
    }
  });
});

describe.each(ways)('a request to a %s server that its client cancels', (way: Way) => {
  const slug = `${way}-legacy`;
  /** Begins a call, and gives what the client gets once it has ended. */
  async function running(id: unknown, session: Record<string, string>) {
    const before = callsOf(slug);
    const heard = postRaw(one.urlOf(slug), callOf(id), session).then((answer) => answer.all());
    const { received } = await called(slug, before);
    return { heard, received };
  }

  test.each([
    { why: 'at the same instance', at: () => one, id: 'job', requestId: 'job' },
    { why: 'at another instance', at: () => two, id: 'job', requestId: 'job' },
    { why: 'by the text of a number', at: () => one, id: 7, requestId: '7' },
    { why: 'by the number of a text', at: () => one, id: '7', requestId: 7 },
    { why: 'by a text at another instance', at: () => two, id: 7, requestId: '7' },
  ])('$why ends without an answer, and the server is told', async ({ at, id, requestId }) => {
    const session = await begin(one.urlOf(slug));
    const told = cancelledAt(slug).length;
    const { heard, received } = await running(id, session);
    expect((await postRaw(at().urlOf(slug), cancelOf(requestId), session)).status).toBe(202);
    expect(await heard).toEqual([]);
    expect(one.audited.at(-1)).toMatchObject({ outcome: 'cancelled' });
    await expect.poll(() => cancelledAt(slug).length).toBe(told + 1);
    expect(cancelledAt(slug).at(-1)?.message.params).toEqual({ requestId: received?.message.id });
  });

  test('is not cancelled by another session, another user, or any other id', async () => {
    const session = await begin(one.urlOf(slug));
    const other = await begin(one.urlOf(slug));
    const stranger = await begin(one.urlOf(slug), { 'x-user': 'mallory' });
    const told = cancelledAt(slug).length;
    const { heard } = await running('job', session);
    for (const headers of [other, stranger])
      expect((await postRaw(one.urlOf(slug), cancelOf('job'), headers)).status).toBe(202);
    expect(
      (await postRaw(one.urlOf(slug), cancelOf('job'), { ...session, 'x-user': 'mallory' })).status,
    ).toBe(404);
    for (const requestId of ['never', null, undefined, {}, 'x'.repeat(10_000), 'jo', 'job '])
      expect((await postRaw(one.urlOf(slug), cancelOf(requestId), session)).status).toBe(202);
    expect(cancelledAt(slug)).toHaveLength(told);
    for (let time = 0; time < 3; time++)
      expect((await postRaw(one.urlOf(slug), cancelOf('job'), session)).status).toBe(202);
    expect(await heard).toEqual([]);
    await expect.poll(() => cancelledAt(slug).length).toBe(told + 1);
  });

  test('before it was sent does not stop a later request with its id', async () => {
    const session = await begin(one.urlOf(slug));
    const quick = { ...callOf('job'), params: { name: 'echo', arguments: {} } };
    for (const at of [one, two]) {
      await (await postRaw(one.urlOf(slug), quick, session)).all();
      expect((await postRaw(at.urlOf(slug), cancelOf('job'), session)).status).toBe(202);
    }
    expect(await (await postRaw(one.urlOf(slug), quick, session)).all()).toMatchObject([{ id: 'job' }]);
  });
});
