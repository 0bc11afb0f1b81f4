import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import {
  discoveryOf,
  type HandmadeUpstream,
  handmadeUpstream,
  json,
  openEvents,
} from '../support/handmadeUpstream.ts';
import { post } from '../support/rawClient.ts';

/** Must never be recorded. */
const SECRET = 'secret-of-the-call';

let gateway: TestGateway;
let upstream: HandmadeUpstream | undefined;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());
afterEach(async () => {
  gateway.audited.splice(0);
  await gateway.withdraw('crm');
  await upstream?.close();
});

type OnCall = Parameters<typeof handmadeUpstream>[0];
async function serveTools(onCall: OnCall): Promise<void> {
  upstream = await handmadeUpstream(onCall);
  await gateway.register('crm', upstream.url, { discovery: discoveryOf('modern') });
}
const call = (name = 'crm__echo', headers = {}, signal?: AbortSignal) =>
  post(gateway.url, 'modern', 'tools/call', { name, arguments: { SECRET } }, headers, signal);
const result = (id: unknown, more = {}) => ({
  jsonrpc: '2.0',
  id,
  result: { resultType: 'complete', content: [{ type: 'text', text: SECRET }], ...more },
});

describe('a call of a tool is recorded once, by its outcome and without what was said', () => {
  test.each<[string, string, OnCall]>([
    [
      'succeeded',
      'a result',
      (response, { message }) => {
        json(response, result(message.id));
      },
    ],
    [
      'tool_error',
      'a result that is an error',
      (response, { message }) => {
        json(response, result(message.id, { isError: true }));
      },
    ],
    [
      'rpc_error',
      'a JSON-RPC error',
      (response, { message }) => {
        json(response, { jsonrpc: '2.0', id: message.id, error: { code: -32000, message: SECRET } });
      },
    ],
    [
      'unavailable',
      'an HTTP error',
      (response) => {
        json(response, { SECRET }, 500);
      },
    ],
    [
      'unavailable',
      'no MCP',
      (response) => {
        json(response, SECRET);
      },
    ],
    [
      'succeeded',
      'a stream',
      (response, { message }) => {
        openEvents(response)(result(message.id));
      },
    ],
    [
      'unavailable',
      'a stream that ends early',
      (response) => {
        openEvents(response);
        response.end();
      },
    ],
  ])('%s: %s', async (outcome, _, onCall) => {
    await serveTools(onCall);
    await (await call()).all();
    expect(gateway.audited).toEqual([
      {
        tenantId: expect.any(String) as string,
        actor: expect.any(String) as string,
        action: 'tools/call',
        resource: 'servers/crm/tools/echo',
        decision: 'allowed',
        outcome,
        durationMs: expect.any(Number) as number,
        traceId: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      },
    ]);
    expect(JSON.stringify(gateway.audited)).not.toContain(SECRET);
  });

  test('cancelled: the client leaves while the answer streams', async () => {
    await serveTools((response) => {
      openEvents(response)({ jsonrpc: '2.0', method: 'notifications/message', params: {} });
    });
    const abort = new AbortController();
    await call('crm__echo', {}, abort.signal);
    expect(gateway.audited).toEqual([]);
    abort.abort();
    await vi.waitUntil(() => gateway.audited.length > 0);
    expect(gateway.audited).toMatchObject([{ outcome: 'cancelled' }]);
  });

  test.each([
    ['crm__no_such', 'servers/crm/tools/no_such'],
    ['nonsense', 'tools/nonsense'],
  ])('refused: the tool %s that there is not', async (name, resource) => {
    await serveTools(() => undefined);
    await (await call(name)).all();
    expect(gateway.audited).toMatchObject([{ resource, decision: 'refused', outcome: 'not_found' }]);
  });
});
