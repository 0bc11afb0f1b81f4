import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { BuiltInCall, BuiltInTools } from '../../shared/gateway/catalogue/builtInTools.ts';
import type { Role } from '../../shared/identity/access/actor.ts';
import type { Tool } from '../../shared/registry/records/server.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { discoveryOf, type HandmadeUpstream, handmadeUpstream, json } from '../support/handmadeUpstream.ts';
import { memoryState } from '../support/memoryState.ts';
import { type Answered, MODERN, post } from '../support/rawClient.ts';

const tool = (name: string): Tool => ({
  name,
  inputSchema: { type: 'object', properties: { word: { type: 'string' } } },
  outputSchema: { type: 'object', properties: { heard: { type: 'string' } }, required: ['heard'] },
  annotations: { readOnlyHint: true },
});
const lists: Readonly<Partial<Record<Role, readonly Tool[]>>> = {
  User: [tool('look')],
  Admin: [tool('change'), tool('look')],
};
let called: { name: string; args: unknown; call: BuiltInCall }[] = [];
let onCall: (name: string, call: BuiltInCall) => Promise<void>;
const builtInTools: BuiltInTools = {
  list: ({ roles: [role] }) => Promise.resolve((role && lists[role]) ?? []),
  async call(name, args, call) {
    called.push({ name, args, call });
    await onCall(name, call);
    const heard = String(args['word']);
    return {
      result: { content: [{ type: 'text', text: heard }], structuredContent: { heard } },
      outcome: 'succeeded',
    };
  },
};

let gateway: TestGateway;
let upstream: HandmadeUpstream;
beforeAll(async () => {
  gateway = await startGateway(memoryState(), undefined, undefined, undefined, builtInTools);
  upstream = await handmadeUpstream((response, { message }) => {
    json(response, { jsonrpc: '2.0', id: message.id, result: { content: [] } });
  });
  const discovery = discoveryOf('legacy', [{ name: 'echo', inputSchema: { type: 'object' } }]);
  await gateway.register('alpha', upstream.url, { discovery });
  await gateway.register('zeta', upstream.url, { discovery });
});
afterAll(async () => {
  await Promise.all([gateway.close(), upstream.close()]);
});
beforeEach(() => {
  called = [];
  onCall = () => Promise.resolve();
  gateway.audited.length = 0;
});

const own = () => gateway.urlOf('gateway');
async function ask(
  era: 'legacy' | 'modern',
  role: Role,
  method: string,
  params: Record<string, unknown> = {},
  url = gateway.url,
): Promise<Answered | undefined> {
  return (await (await post(url, era, method, params, { 'x-role': role })).all())[0];
}
const names = (answer: Answered | undefined) => answer?.result?.tools?.map(({ name }) => name);

describe.each(['legacy', 'modern'] as const)('to a %s client', (era) => {
  test('the gateway’s own tools stand among those of the servers, each caller’s by their role', async () => {
    const forUser = ['alpha__echo', 'gateway__look', 'zeta__echo'];
    const forAdmin = ['alpha__echo', 'gateway__change', 'gateway__look', 'zeta__echo'];
    // One after another on one instance, so that a list which is remembered for one would show to the other.
    for (const [role, expected] of [
      ['Admin', forAdmin],
      ['User', forUser],
      ['Admin', forAdmin],
      ['Operator', ['alpha__echo', 'zeta__echo']],
    ] as const)
      expect(names(await ask(era, role, 'tools/list'))).toEqual(expected);
  });

  test('they are alone at their own endpoint, by their own names', async () => {
    expect(names(await ask(era, 'User', 'tools/list', {}, own()))).toEqual(['look']);
    expect(names(await ask(era, 'Admin', 'tools/list', {}, own()))).toEqual(['change', 'look']);
    const prompts = await ask(era, 'User', 'prompts/list', {}, own());
    expect(prompts?.result?.['prompts']).toEqual([]);
    const answer = await ask(era, 'User', 'tools/call', { name: 'look', arguments: { word: 'hi' } }, own());
    expect(answer?.result).toMatchObject({ structuredContent: { heard: 'hi' } });
    expect((await ask(era, 'User', 'completion/complete', {}, own()))?.error?.code).toBe(-32601);
    expect((await ask(era, 'User', 'tools/call', { arguments: {} }, own()))?.error?.code).toBe(-32602);
  });

  test('a call has numbers that the tool can compute with, however the client writes them', async () => {
    const meta = {
      'io.modelcontextprotocol/protocolVersion': MODERN,
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const params = {
      name: 'look',
      arguments: { word: 'x', limit: 'LIMIT' },
      ...(era === 'modern' && { _meta: meta }),
    };
    await fetch(own(), {
      method: 'POST',
      headers: {
        ...{ 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
        ...(era === 'modern' && {
          'mcp-protocol-version': MODERN,
          'mcp-method': 'tools/call',
          'mcp-name': 'look',
        }),
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }).replace(
        '"LIMIT"',
        '10.0',
      ),
    });
    expect(called[0]?.args).toEqual({ word: 'x', limit: 10 });
  });

  test('a call is carried out for who calls, and recorded like a call of a server', async () => {
    await ask(era, 'Admin', 'tools/call', { name: 'gateway__change', arguments: { word: 'x' } });
    expect(called).toMatchObject([
      { name: 'change', call: { actor: { userId: 'alice', roles: ['Admin'] } } },
    ]);
    expect(gateway.audited).toMatchObject([
      {
        actor: 'alice',
        action: 'tools/call',
        resource: 'servers/gateway/tools/change',
        decision: 'allowed',
        outcome: 'succeeded',
      },
    ]);
  });

  test('a tool that the role lacks is answered and recorded as one that there is not', async () => {
    const answers: unknown[] = [];
    for (const name of ['change', 'absent']) {
      const { error } = (await ask(era, 'User', 'tools/call', { name: `gateway__${name}` })) ?? {};
      answers.push(JSON.parse(JSON.stringify(error).replaceAll(name, '…')));
    }
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]).toMatchObject({
      code: -32602,
      message: expect.stringMatching(/^There is no tool/) as string,
    });
    expect(called).toEqual([]);
    expect(gateway.audited.map(({ decision, outcome }) => [decision, outcome])).toEqual([
      ['refused', 'not_found'],
      ['refused', 'not_found'],
    ]);
    const unknown = await ask(era, 'User', 'tools/call', { name: 'nobody__absent' });
    expect(unknown?.error).toEqual({
      ...(answers[0] as object),
      message: 'There is no tool "nobody__absent". tools/list names the tools that you can call.',
    });
  });

  test('a fault is told without its cause, and is in the trail', async () => {
    onCall = () => Promise.reject(new Error('the cause'));
    const { error } = (await ask(era, 'User', 'tools/call', { name: 'gateway__look' })) ?? {};
    expect(error?.code).toBe(-32603);
    expect(JSON.stringify(error)).not.toContain('the cause');
    expect(gateway.audited).toMatchObject([{ outcome: 'internal' }]);
  });

  test('arguments that are no object are refused', async () => {
    const answer = await ask(era, 'User', 'tools/call', { name: 'gateway__look', arguments: [] });
    expect(answer?.error?.code).toBe(-32602);
  });
});

test('a list by role is for its caller’s cache alone', async () => {
  expect((await ask('modern', 'Admin', 'tools/list'))?.result).toMatchObject({ cacheScope: 'private' });
  expect((await ask('modern', 'Admin', 'tools/list', {}, own()))?.result).toMatchObject({
    cacheScope: 'private',
  });
});

test('a call that its client cancels is told so', async () => {
  const begun = Promise.withResolvers<BuiltInCall>();
  const over = Promise.withResolvers<undefined>();
  onCall = (_, call) => {
    begun.resolve(call);
    return over.promise;
  };
  const client = new LegacyClient({ name: 'v1', version: '1' });
  await client.connect(new LegacyTransport(new URL(own())));
  const abort = new AbortController();
  const call = client.callTool({ name: 'look' }, undefined, { signal: abort.signal });
  const { signal } = await begun.promise;
  abort.abort();
  await expect(call).rejects.toThrow();
  await expect.poll(() => signal.aborted).toBe(true);
  over.resolve(undefined);
  await client.close();
});

test('the official clients of both eras list and call them', async () => {
  const requestInit = { headers: { 'x-role': 'Admin' } };
  const v1 = new LegacyClient({ name: 'v1', version: '1' });
  await v1.connect(new LegacyTransport(new URL(gateway.url), { requestInit }));
  const v2 = new ModernClient(
    { name: 'v2', version: '1' },
    { versionNegotiation: { mode: { pin: MODERN } } },
  );
  await v2.connect(new ModernTransport(new URL(own()), { requestInit }));
  expect((await v1.listTools()).tools).toHaveLength(4);
  expect((await v2.listTools()).tools).toHaveLength(2);
  const one = await v1.callTool({ name: 'gateway__look', arguments: { word: 'one' } });
  const two = await v2.callTool({ name: 'look', arguments: { word: 'two' } });
  expect([one.structuredContent, two.structuredContent]).toEqual([{ heard: 'one' }, { heard: 'two' }]);
  await Promise.all([v1.close(), v2.close()]);
});

test('there is no such endpoint where the gateway has no tools of its own', async () => {
  const bare = await startGateway();
  const { status } = await post(bare.urlOf('gateway'), 'modern', 'tools/list');
  expect(status).toBe(404);
  await bare.close();
});
