import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { randomId } from '../../shared/platform/base/ids.ts';
import { azureTableServerStore } from '../../shared/registry/records/azureTableServerStore.ts';
import { versionedStore } from '../../shared/registry/records/registryVersion.ts';
import { sealUrl } from '../../shared/registry/records/serverUrl.ts';
import { type FeatureServer, startFeatureServer } from '../support/features/featureServer.ts';
import { startGateway, tenantId, type TestGateway } from '../support/gateway.ts';
import { discoveryOf, handmadeUpstream, json, openEvents } from '../support/handmadeUpstream.ts';
import { memoryState } from '../support/memoryState.ts';
import { memoryTables } from '../support/memoryTables.ts';
import { type Answered, post, postRaw } from '../support/rawClient.ts';
import { testSeal } from '../support/seal.ts';

/** Two instances of the app, which share the registry and the state and nothing else. */
let one: TestGateway;
let two: TestGateway;
const upstreams = {} as Record<'legacy' | 'modern', FeatureServer>;
const eras = ['legacy', 'modern'] as const;

beforeAll(async () => {
  const state = memoryState();
  const servers = versionedStore(azureTableServerStore(memoryTables()), state, randomId);
  [one, two] = await Promise.all([startGateway(state, servers), startGateway(state, servers)]);
  for (const era of eras) {
    upstreams[era] = await startFeatureServer(era);
    await one.register(era, upstreams[era].url);
  }
});
afterAll(async () => {
  await Promise.all([one.close(), two.close(), ...eras.map((era) => upstreams[era].close())]);
});

/** Begins a session of the legacy era and gives the headers that go with it. */
async function begin(
  url: string,
  capabilities: object = { elicitation: {}, sampling: {}, roots: {} },
  headers: Record<string, string> = {},
): Promise<Record<string, string>> {
  const answer = await postRaw(
    url,
    {
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities, clientInfo: { name: 'c', version: '1' } },
    },
    headers,
  );
  expect(answer.status).toBe(200);
  return {
    ...headers,
    'mcp-session-id': answer.headers.get('mcp-session-id') ?? '',
    'mcp-protocol-version': '2025-11-25',
  };
}

const call = (name: string, args: object = {}, id: unknown = 1) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args },
});

/** Makes a call, answers on `elsewhere` what is asked meanwhile, and gives the result. */
async function answering(
  url: string,
  elsewhere: string,
  session: Record<string, string>,
  message: object,
  answers: Readonly<Record<string, object>>,
): Promise<{ asked: string[]; last: Answered | undefined }> {
  const answer = await postRaw(url, message, session);
  const asked: string[] = [];
  let last: Answered | undefined;
  for await (const said of answer.messages) {
    if (said.method !== undefined && said.id !== undefined) {
      asked.push(said.method);
      const { status } = await postRaw(
        elsewhere,
        { jsonrpc: '2.0', id: said.id, ...answers[said.method] },
        session,
      );
      expect(status).toBe(202);
    } else last = said;
  }
  return { asked, last };
}

const answers = {
  'elicitation/create': { result: { action: 'accept', content: { response: 'blue', name: 'Ann' } } },
  'sampling/createMessage': {
    result: { role: 'assistant', content: { type: 'text', text: 'Paris' }, model: 'm' },
  },
  'roots/list': { result: { roots: [{ uri: 'file:///r' }] } },
};

describe.each(eras)('what a %s server asks of a legacy client', (era) => {
  test('is answered to any instance and reaches the call', async () => {
    const session = await begin(one.urlOf(era));
    for (const elsewhere of [one.urlOf(era), two.urlOf(era)]) {
      const { asked, last } = await answering(
        one.urlOf(era),
        elsewhere,
        session,
        call('test_input_required_result_multiple_inputs'),
        answers,
      );
      expect(asked).toEqual(['elicitation/create', 'sampling/createMessage', 'roots/list']);
      expect(JSON.stringify(last?.result)).toContain('Paris');
      expect(last?.result).not.toHaveProperty('inputRequests');
    }
  });

  test('may take several rounds', async () => {
    const session = await begin(one.urlOf(era));
    const { asked, last } = await answering(
      one.urlOf(era),
      one.urlOf(era),
      session,
      call('test_input_required_result_multi_round'),
      answers,
    );
    expect(asked).toEqual(['elicitation/create', 'elicitation/create']);
    expect(last?.result?.content).toHaveLength(1);
  });

  test('is asked through the aggregate endpoint too', async () => {
    const session = await begin(one.url);
    const { asked } = await answering(
      one.url,
      two.url,
      session,
      call(`${era}__test_elicitation`, { message: 'Which colour?' }),
      answers,
    );
    expect(asked).toEqual(['elicitation/create']);
  });

  test('is refused where the client did not declare that it can', async () => {
    const session = await begin(one.urlOf(era), {});
    const { asked, last } = await answering(
      one.urlOf(era),
      one.urlOf(era),
      session,
      call('test_elicitation', { message: '?' }),
      answers,
    );
    expect(asked).toEqual([]);
    expect(last).toHaveProperty('result');
  });

  test('is answered by nobody else: not by another user, not in another session, not twice made up', async () => {
    const session = await begin(one.urlOf(era));
    const other = await begin(one.urlOf(era));
    const stranger = await begin(one.urlOf(era), {}, { 'x-user': 'mallory' });
    const answer = await postRaw(one.urlOf(era), call('test_elicitation', { message: '?' }), session);
    const { value: asked } = (await answer.messages.next()) as { value: Answered };
    for (const headers of [other, stranger]) {
      const refused = await postRaw(
        one.urlOf(era),
        { jsonrpc: '2.0', id: asked.id, ...answers['elicitation/create'] },
        headers,
      );
      expect(refused.status).toBe(400);
    }
    for (const id of [1, 'made-up', `${String(asked.id)}x`]) {
      const refused = await postRaw(one.urlOf(era), { jsonrpc: '2.0', id, result: {} }, session);
      expect(refused.status).toBe(400);
    }
    await postRaw(
      one.urlOf(era),
      { jsonrpc: '2.0', id: asked.id, ...answers['elicitation/create'] },
      session,
    );
    expect((await answer.all()).at(-1)).toHaveProperty('result');
  });
});

describe('a session of the legacy era', () => {
  const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' };

  test('is served by an instance that has just started', async () => {
    const session = await begin(one.url);
    expect((await postRaw(two.url, list, session)).status).toBe(200);
  });

  test('is nobody else’s, and of no other endpoint', async () => {
    const session = await begin(one.url);
    expect((await postRaw(one.url, list, { ...session, 'x-user': 'mallory' })).status).toBe(404);
    expect((await postRaw(one.urlOf('legacy'), list, session)).status).toBe(404);
    expect((await postRaw(one.url, list, { ...session, 'mcp-session-id': '2900.AAAA' })).status).toBe(404);
  });

  test('keeps one session with a server, whichever instance calls it', async () => {
    const session = await begin(one.url);
    const before = upstreams.legacy.received.filter((method) => method === 'initialize').length;
    for (const { url } of [one, two, one]) {
      await (await postRaw(url, call('legacy__test_simple_text'), session)).all();
    }
    const after = upstreams.legacy.received.filter((method) => method === 'initialize').length;
    expect(after - before).toBe(1);
  });

  test('begins another session with a server whose hidden secret was replaced', async () => {
    const server = await handmadeUpstream((response, { message }) => {
      json(response, { jsonrpc: '2.0', id: message.id, result: { content: [] } });
    });
    const session = await begin(one.url);
    for (const code of ['first-secret', 'second-secret']) {
      await one.withdraw('coded');
      const address = sealUrl(`${server.url}?code=${code}`, tenantId, testSeal);
      await one.register('coded', address.url, { ...address, discovery: discoveryOf('legacy') });
      const answer = await postRaw(one.url, call('coded__echo'), session);
      expect((await answer.all()).at(-1)).toHaveProperty('result');
    }
    expect(server.calls().map(({ headers }) => headers['mcp-session-id'])).toEqual([
      'session-1',
      'session-2',
    ]);
    await server.close();
  });

  test('ends when its client says so', async () => {
    const session = await begin(one.url);
    const end = () => fetch(one.url, { method: 'DELETE', headers: session });
    expect((await end()).status).toBe(204);
    expect((await end()).status).toBe(404);
    expect((await postRaw(one.url, list, session)).status).toBe(404);
    expect((await postRaw(two.url, list, session)).status).toBe(404);
    expect((await fetch(one.url, { method: 'DELETE' })).status).toBe(400);
  });

  test.each(eras)('hears of what a %s server logs from the level on that it set', async (era) => {
    const session = await begin(one.urlOf(era));
    const heard = async () => {
      const all = await (await postRaw(one.urlOf(era), call('test_tool_with_logging'), session)).all();
      return all.filter(({ method }) => method === 'notifications/message').length;
    };
    const setLevel = async (level: string) =>
      (
        await postRaw(
          one.urlOf(era),
          { jsonrpc: '2.0', id: 1, method: 'logging/setLevel', params: { level } },
          session,
        )
      ).all();
    expect(await heard()).toBe(3);
    expect(await setLevel('error')).toMatchObject([{ result: {} }]);
    expect(await heard()).toBe(0);
    expect(await setLevel('loud')).toMatchObject([{ error: { code: -32602 } }]);
  });

  test('tells the servers that know it when its roots have changed, and no others', async () => {
    const session = await begin(one.url);
    const changed = { jsonrpc: '2.0', method: 'notifications/roots/list_changed' };
    const told = () => upstreams.legacy.received.filter((method) => method === changed.method).length;
    const before = told();
    expect((await postRaw(one.url, changed, session)).status).toBe(202);
    await (await postRaw(one.url, call('legacy__test_simple_text'), session)).all();
    expect(told()).toBe(before);
    // Any instance passes it on.
    expect((await postRaw(two.url, changed, session)).status).toBe(202);
    await expect.poll(told).toBe(before + 1);
    expect(upstreams.modern.received).not.toContain(changed.method);
  });

  test('hears that what it was asked has been answered elsewhere', async () => {
    const done = {
      jsonrpc: '2.0',
      method: 'notifications/elicitation/complete',
      params: { elicitationId: 'e' },
    };
    const asking = await handmadeUpstream((response, { message }) => {
      const event = openEvents(response);
      event(done);
      event({ jsonrpc: '2.0', id: message.id, result: { content: [] } });
      response.end();
    });
    await one.register('asking', asking.url, { discovery: discoveryOf('legacy') });
    const session = await begin(one.urlOf('asking'));
    const heard = async (headers: Record<string, string>) =>
      (await (await postRaw(one.urlOf('asking'), call('echo'), headers)).all()).slice(0, -1);
    expect(await heard(session)).toEqual([done]);
    expect(await heard({})).toEqual([]);
    const modern = await post(one.urlOf('asking'), 'modern', 'tools/call', { name: 'echo' });
    expect(await modern.all()).toHaveLength(1);
    await asking.close();
  });

  test('is told that it subscribes to more than can be kept, and keeps what it has', async () => {
    const session = await begin(one.url);
    const say = async (method: string, name: string) => {
      const uri = `mcp+modern+test://${name.repeat(8_000)}`;
      const message = { jsonrpc: '2.0', id: 1, method, params: { uri } };
      return (await (await postRaw(one.url, message, session)).all()).at(-1);
    };
    for (const name of ['a', 'b', 'c'])
      expect(await say('resources/subscribe', name)).toHaveProperty('result');
    expect(await say('resources/subscribe', 'd')).toMatchObject({
      error: { code: -31413, message: expect.stringContaining('30000 bytes') as string },
    });
    expect(await say('resources/unsubscribe', 'a')).toHaveProperty('result');
    expect(await say('resources/subscribe', 'd')).toHaveProperty('result');
  });

  test('is served by servers whose session ids are longer than can be kept together', async () => {
    const reply: Parameters<typeof handmadeUpstream>[0] = (response, { message }) => {
      json(response, { jsonrpc: '2.0', id: message.id, result: { content: [] } });
    };
    const long = await handmadeUpstream(reply, {
      initialize: (response, { message }) => {
        const capabilities = { tools: {} };
        const serverInfo = { name: 'long', version: '1' };
        const result = { protocolVersion: '2025-11-25', capabilities, serverInfo };
        const id = 'x'.repeat(1_000);
        json(response, { jsonrpc: '2.0', id: message.id, result }, 200, { 'mcp-session-id': id });
      },
    });
    const session = await begin(one.url);
    for (let index = 0; index < 28; index++) {
      await one.register(`long-${index}`, `${long.url}?${index}${'x'.repeat(1_900)}`, {
        discovery: discoveryOf('legacy'),
      });
      const answer = await postRaw(one.url, call(`long-${index}__echo`), session);
      expect((await answer.all()).at(-1)).toHaveProperty('result');
    }
    await long.close();
  });

  test('means nothing to a request of the modern era, and none is given to it', async () => {
    for (const headers of [{ 'mcp-session-id': 'made-up' }, await begin(one.url)]) {
      const { 'mcp-session-id': token = '' } = headers;
      const answer = await post(one.url, 'modern', 'tools/list', {}, { 'mcp-session-id': token });
      expect(answer.status).toBe(200);
      expect(answer.headers.has('mcp-session-id')).toBe(false);
    }
  });

  test('cancels a question of a modern server, and the call ends', async () => {
    const session = await begin(one.urlOf('modern'));
    const slow = call('test_elicitation', { message: '?' }, 'slow');
    const answer = await postRaw(one.urlOf('modern'), slow, session);
    await answer.messages.next();
    const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'slow' } };
    expect((await postRaw(one.urlOf('modern'), cancel, session)).status).toBe(202);
    // A request that was cancelled gets no answer.
    expect(await answer.all()).toEqual([]);
    expect(one.audited.at(-1)).toMatchObject({ outcome: 'cancelled' });
  });

  test('cancels a request, which then ends, and the server is told', async () => {
    const session = await begin(one.urlOf('legacy'));
    const answer = await postRaw(
      one.urlOf('legacy'),
      call('test_elicitation', { message: '?' }, 'slow'),
      session,
    );
    await answer.messages.next();
    const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'slow' } };
    expect((await postRaw(one.urlOf('legacy'), cancel, session)).status).toBe(202);
    // A request that was cancelled gets no answer.
    expect(await answer.all()).toEqual([]);
    expect(one.audited.at(-1)).toMatchObject({ outcome: 'cancelled' });
    await expect.poll(() => upstreams.legacy.received).toContain('notifications/cancelled');
  });
});
