import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createMcpEndpoints } from '../../../shared/gateway/calls/endpoint.ts';
import { drop } from '../../../shared/gateway/upstream/exchange.ts';
import { randomId } from '../../../shared/platform/base/ids.ts';
import { fail, succeed } from '../../../shared/platform/base/result.ts';
import {
  explain,
  type OutboundClient,
  type OutboundRequest,
} from '../../../shared/platform/outbound/outboundClient.ts';
import { continueTrace } from '../../../shared/platform/telemetry/trace.ts';
import { azureTableServerStore } from '../../../shared/registry/records/azureTableServerStore.ts';
import { createVisibleServers } from '../../../shared/registry/records/visibleServers.ts';
import { azureTableToolsetStore } from '../../../shared/registry/toolsets/azureTableToolsetStore.ts';
import { testCredentials } from '../../support/credentials.ts';
import { actor, recordingLog, tenantId, unheardAudit } from '../../support/gateway.ts';
import { discoveryOf } from '../../support/handmadeUpstream.ts';
import { memoryState } from '../../support/memoryState.ts';
import { memoryTables } from '../../support/memoryTables.ts';
import { outboundBody } from '../../support/outboundBody.ts';
import { MODERN } from '../../support/rawClient.ts';
import { testSeal } from '../../support/seal.ts';
import { serverRecord } from '../../support/serverRecord.ts';
import { chunksOf } from '../../support/streamed.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** An upstream whose body the test writes by hand; `silent` gives no answer at all. */
function upstream(form: 'application/json' | 'text/event-stream' | 'silent') {
  const body = new PassThrough();
  const requests: OutboundRequest[] = [];
  const outbound: OutboundClient = {
    request: (request) => {
      requests.push(request);
      const aborted = new Promise<void>((done) =>
        request.signal?.addEventListener('abort', () => {
          done();
        }),
      );
      if (form === 'silent') return aborted.then(() => fail(explain(new Error('aborted'), request.signal)));
      void aborted.then(() => body.destroy(new Error('aborted')));
      const response = { statusCode: 200, headers: { 'content-type': form }, body: outboundBody(body) };
      return Promise.resolve(succeed(response));
    },
    close: () => Promise.resolve(),
  };
  return { body, requests, outbound };
}

interface Options {
  readonly log?: ReturnType<typeof recordingLog>;
  readonly timeoutMs?: number | undefined;
  readonly accept?: string;
}

async function call(
  outbound: OutboundClient,
  { log = recordingLog(), timeoutMs, accept }: Options = {},
): Promise<Response> {
  const servers = azureTableServerStore(memoryTables());
  const url = 'http://127.0.0.1:9/mcp';
  const upstream = timeoutMs === undefined ? {} : { upstream: { timeoutMs } };
  const discovery = discoveryOf('modern');
  await servers.add(serverRecord({ tenantId, slug: 'slow', url, discovery, ...upstream }));
  const state = memoryState();
  const { post } = createMcpEndpoints({
    servers,
    toolsets: azureTableToolsetStore(memoryTables()),
    visibleServers: createVisibleServers({ servers, state, newId: randomId, operatorTenant: tenantId }),
    outboundTo: () => outbound,
    noteHealth: () => undefined,
    seal: testSeal,
    credentials: testCredentials(),
    clock: { now: () => new Date() },
    newId: randomId,
    shortLived: state,
    tenants: new Set([tenantId]),
    log,
    audit: unheardAudit,
  });
  const params = { name: 'slow__echo', _meta: { progressToken: 'p' } };
  return post({
    front: { kind: 'all' },
    headers: new Headers({ 'mcp-protocol-version': '2025-11-25', ...(accept !== undefined && { accept }) }),
    message: { jsonrpc: '2.0', id: 1, method: 'tools/call', params },
    actor: actor(),
    trace: continueTrace(undefined),
    signal: new AbortController().signal,
  });
}

const event = (message: object) => `data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`;
const progress = event({ method: 'notifications/progress', params: { progressToken: 'p', progress: 1 } });
const result = event({ id: 1, result: { resultType: 'complete', content: [] } });

/** Reads the stream to its end, as a client that keeps reading. */
const text = (response: Response): Promise<string> => response.text();
/** Lets what the gateway has begun come to rest. */
const settle = () => vi.advanceTimersByTimeAsync(0);

test.each([
  { timeoutMs: undefined, seconds: 100, why: 'the usual limit' },
  { timeoutMs: 20_000, seconds: 20, why: 'the limit of its record' },
])(
  'a stream that is silent for $seconds seconds is ended with an error: $why',
  async ({ timeoutMs, seconds }) => {
    const { body, outbound } = upstream('text/event-stream');
    const read = text(await call(outbound, { timeoutMs }));
    // Progress and comments are signs of life.
    for (const sign of [progress, ': still here\n\n']) {
      body.write(sign);
      await vi.advanceTimersByTimeAsync(seconds * 1_000 - 100);
      expect(body.destroyed).toBe(false);
    }
    await vi.advanceTimersByTimeAsync(200);
    expect(await read).toContain(`"slow\\" sent nothing for ${seconds} seconds`);
    expect(body.destroyed).toBe(true);
  },
);

test('a stream that goes on for 210 seconds is ended with an error', async () => {
  const { body, outbound } = upstream('text/event-stream');
  const read = text(await call(outbound));
  for (let seconds = 0; seconds < 200; seconds += 20) {
    expect(body.destroyed).toBe(false);
    body.write(progress);
    await vi.advanceTimersByTimeAsync(20_000);
  }
  expect(body.destroyed).toBe(false);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await read).toMatch(/"slow\\" did not finish its answer in time/);
  expect(body.destroyed).toBe(true);
});

test('a JSON body that is silent for 100 seconds is an error', async () => {
  const { body, outbound } = upstream('application/json');
  const answered = call(outbound);
  body.write('{');
  await vi.advanceTimersByTimeAsync(99_000);
  expect(body.destroyed).toBe(false);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await (await answered).json()).toMatchObject({ error: { data: { kind: 'timeout' } } });
});

test('a tool that is silent for 60 seconds is waited for, before its answer and within it', async () => {
  const { body, outbound } = upstream('application/json');
  const answered = call(outbound);
  await vi.advanceTimersByTimeAsync(60_000);
  body.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: { resultType: 'complete', content: [] } }));
  expect(await (await answered).json()).toMatchObject({ result: { content: [] } });

  const streaming = upstream('text/event-stream');
  const read = text(await call(streaming.outbound));
  await vi.advanceTimersByTimeAsync(60_000);
  streaming.body.end(result);
  expect(await read).toContain('"result"');
});

test('a client that accepts only JSON gets the answer of a stream, and no timer is left over', async () => {
  const { body, outbound } = upstream('text/event-stream');
  const answered = call(outbound, { accept: 'application/json' });
  body.write(progress);
  await settle();
  body.end(result);
  expect(await (await answered).json()).toMatchObject({ id: 1, result: { content: [] } });
  await vi.advanceTimersByTimeAsync(250);
  expect(vi.getTimerCount()).toBe(0);
});

test('a server that does not answer at all is given up after 100 seconds', async () => {
  const { outbound } = upstream('silent');
  const answered = call(outbound);
  await vi.advanceTimersByTimeAsync(100_000);
  expect(await (await answered).json()).toMatchObject({
    error: { code: -31504, message: 'The server "slow" did not answer in time.', data: { kind: 'timeout' } },
  });
});

test('a comment comes soon where the server has sent nothing, and every 15 seconds', async () => {
  const { outbound } = upstream('text/event-stream');
  const chunks = chunksOf(await call(outbound));
  for (const afterMs of [25, 15_000]) {
    const next = chunks.next();
    await vi.advanceTimersByTimeAsync(afterMs);
    expect(String(Buffer.from((await next).value as Uint8Array))).toMatch(/^:/);
  }
});

test('a server that answers at once has its answer go first', async () => {
  const { body, outbound } = upstream('text/event-stream');
  body.end(result);
  expect(await text(await call(outbound))).toMatch(/^event: message/);
});

test('a client that reads slowly is no silence of the server', async () => {
  const { body, outbound } = upstream('text/event-stream');
  const response = await call(outbound);
  body.write(progress);
  await settle();
  await vi.advanceTimersByTimeAsync(60_000);
  body.end(result);
  expect(await text(response)).toContain('"result"');
});

test('what the client does not read is not fetched', async () => {
  const { body, outbound } = upstream('text/event-stream');
  await call(outbound);
  let written = 0;
  while (written < 1_000_000 && body.write(progress.repeat(10))) {
    written += progress.length * 10;
    await settle();
  }
  expect(written).toBeLessThan(200_000);
});

test('a client that drops the stream ends the call upstream, and that is no fault of the server', async () => {
  const { body, requests, outbound } = upstream('text/event-stream');
  const log = recordingLog();
  const response = await call(outbound, { log });
  await chunksOf(response).return();
  await settle();
  expect(requests[0]?.signal?.aborted).toBe(true);
  expect(body.destroyed).toBe(true);
  expect(log.lines).toEqual([]);
});

test('no timer is left over', async () => {
  const whole = upstream('application/json');
  whole.body.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [] } }));
  await (await call(whole.outbound)).json();
  expect(vi.getTimerCount()).toBe(0);

  const streamed = upstream('text/event-stream');
  streamed.body.end(progress + result);
  expect(await text(await call(streamed.outbound))).toContain('"result"');
  await vi.advanceTimersByTimeAsync(250);
  expect(vi.getTimerCount()).toBe(0);
});

test('a stream that stays open after the answer is closed soon', async () => {
  const { body, outbound } = upstream('text/event-stream');
  const read = text(await call(outbound));
  body.write(result);
  expect(await read).toContain('"result"');
  expect(body.destroyed).toBe(false);
  await vi.advanceTimersByTimeAsync(250);
  expect(body.destroyed).toBe(true);
});

test('a body that nobody needs is read to its end, which frees its connection', async () => {
  const body = new PassThrough();
  drop({
    status: 200,
    form: 'other',
    sessionId: undefined,
    body: outboundBody(body),
    signal: new AbortController().signal,
    idleMs: 1,
  });
  body.end('thanks');
  await once(body, 'close');
  expect(body.readableEnded).toBe(true);
});

test("the version that the upstream is called with is its own, not the client's", async () => {
  const { body, requests, outbound } = upstream('application/json');
  body.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [] } }));
  await call(outbound);
  expect(requests[0]?.headers['mcp-protocol-version']).toBe(MODERN);
});
