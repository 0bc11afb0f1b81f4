import { once } from 'node:events';
import http from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  buildSample,
  type BuiltSample,
  type RawAnswer,
  type RawRequest,
  type SampleHost,
  startSampleHost,
  textOf,
} from '../support/sampleHost.ts';

/** One host a way of serving; buffered is what an app gets that has not turned streaming on. */
type Way = 'direct' | 'proxy' | 'buffered';
const hosts = {} as Record<Way, SampleHost>;
let sample: BuiltSample;

beforeAll(async () => {
  sample = await buildSample({ functionTimeout: '00:00:01' });
  const start = (streaming: 'on' | 'off', serving: 'direct' | 'proxy') =>
    startSampleHost(sample.root, {
      args: ['--serving', serving, '--function-key', 'the-key'],
      env: { SAMPLE_STREAMING: streaming, SAMPLE_FUNCTIONS: 'http' },
    });
  [hosts.direct, hosts.proxy, hosts.buffered] = await Promise.all([
    start('on', 'direct'),
    start('on', 'proxy'),
    start('off', 'direct'),
  ]);
});
afterAll(async () => {
  await Promise.all(Object.values(hosts).map((host) => host.stop()));
  await sample.remove();
});

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly params: Record<string, string>;
  readonly query: [string, string][];
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly name: string;
}

const ask = (way: Way, request: RawRequest): Promise<RawAnswer> => hosts[way].send(request);

async function seen(way: Way, request: RawRequest): Promise<Seen> {
  const { status, body } = await ask(way, request);
  expect(status).toBe(200);
  return JSON.parse(body) as Seen;
}

const STREAMED = ['direct', 'proxy'] as const;
const EVERY = ['direct', 'proxy', 'buffered'] as const;

/** What is the same however a request is served; times, ids and the connection are not. */
function comparable({ status, headers, body }: RawAnswer, port: number): object {
  const { date: _, 'x-ms-invocation-id': invocation, ...kept } = headers;
  return {
    status,
    headers: { ...kept, identified: invocation !== undefined },
    body: body.replaceAll(String(port), 'PORT'),
  };
}

test.each<RawRequest & { readonly why: string }>([
  { path: '/echo/7?a=1&a=2&b=%20c', headers: { 'x-one': ['1', '2'] }, why: 'a query and repeated headers' },
  {
    path: '/echo',
    method: 'POST',
    body: '{"a":1}',
    headers: { 'content-type': 'application/json' },
    why: 'a JSON body',
  },
  { path: '/echo', method: 'PUT', body: 'chunked text', chunked: true, why: 'a chunked body' },
  { path: '/echo', method: 'POST', why: 'no body' },
  { path: '/echo', method: 'GET', body: 'ignored', why: 'a body that GET does not have' },
  { path: '/size', method: 'POST', body: Buffer.alloc(3_000_000, 'x'), why: 'a long body' },
  { path: '/n/io.github.a%2Fb/v/1%20+', why: 'an encoded path' },
  { path: '/params/7?Id=UP', method: 'POST', body: '{"x":true}', why: 'parameters from everywhere' },
  { path: '/status/401', why: 'a refusal with its headers' },
  { path: '/status/204', why: 'no content' },
  { path: '/status/304', why: 'not modified' },
  { path: '/cookies', why: 'cookies' },
  { path: '/cookie-headers', why: 'cookies written as headers' },
  { path: '/native', why: 'a native response' },
  { path: '/throws', why: 'a function that throws' },
  { path: '/nothing', why: 'a function that returns nothing' },
  { path: '/text', why: 'a function that returns text' },
  {
    path: '/echo',
    method: 'DELETE',
    body: 'chunked text',
    chunked: true,
    why: 'a chunked body that DELETE may have',
  },
  { path: '/echo', method: 'PATCH', body: 'refused', why: 'a method that is not declared' },
  { path: '/secret', why: 'a missing key' },
  { path: '/nowhere/at/all', why: 'the last catch-all' },
])('direct and proxy serving answer alike: $why', async ({ why: _, ...request }) => {
  const [direct, proxy] = await Promise.all(
    STREAMED.map(async (way) => comparable(await ask(way, request), hosts[way].port)),
  );
  expect(proxy).toEqual(direct);
});

describe.each(EVERY)('routes, %s', (way) => {
  test.each([
    {
      path: '/order/special',
      name: 'orderA',
      why: 'the function with the earlier name hides the more specific route',
    },
    {
      path: '/order/special',
      method: 'PUT',
      name: 'orderB',
      why: 'but not for a method it has not declared',
    },
    { path: '/ORDER/7/', name: 'orderA', why: 'case and a trailing slash do not matter' },
    { path: '/constraint/6f9619ff-8b86-d011-b42d-00cf4fc964ff', name: 'guid', why: 'a guid' },
    { path: '/constraint/12', name: 'int', why: 'a constraint that fails falls through' },
    { path: '/constraint/a-b', name: 'slug', why: 'to the next by name' },
    { path: '/constraint/not_a_slug', name: 'zzRest', why: 'and to the catch-all last' },
    { path: '/.well-known/oauth/x.json', name: 'wellKnown', why: 'names may start with a dot' },
    { path: '/.well-known', name: 'wellKnown', why: 'a catch-all matches its own base' },
    { path: '/', name: 'zzRest', why: 'a catch-all of everything serves the root' },
  ])('$path is served by $name: $why', async ({ why: _, name, ...request }) => {
    expect((await seen(way, request)).name).toBe(name);
  });

  test('an undeclared method gets an empty 404', async () => {
    expect(await ask(way, { path: '/echo', method: 'PATCH' })).toMatchObject({ status: 404, body: '' });
    expect(await ask(way, { path: '/echo', method: 'OPTIONS' })).toMatchObject({ status: 404, body: '' });
  });

  test('a function with a key is closed without it: empty 401, no challenge', async () => {
    const refused = await ask(way, { path: '/secret' });
    expect(refused).toMatchObject({ status: 401, body: '' });
    expect(refused.headers['www-authenticate']).toBeUndefined();
    expect((await ask(way, { path: '/secret?code=wrong' })).status).toBe(401);
    expect((await ask(way, { path: '/secret?code=the-key' })).status).toBe(200);
    expect((await ask(way, { path: '/secret', headers: { 'x-functions-key': 'the-key' } })).status).toBe(200);
  });

  test('the ping of the host is open, the rest of its API is not', async () => {
    expect((await ask(way, { path: '/admin/host/ping' })).status).toBe(200);
    expect(await ask(way, { path: '/admin/functions' })).toMatchObject({ status: 401, body: '' });
  });
});

describe.each(STREAMED)('parameters with streaming, %s', (way) => {
  test.each<RawRequest & { readonly params: Record<string, string>; readonly why: string }>([
    { path: '/params/7?q=1', params: { id: '7', q: '1' }, why: 'the query is among them' },
    {
      path: '/params/7?Id=UP',
      params: { Id: '7' },
      why: 'the route wins, the spelling is that of the client',
    },
    {
      path: '/params/7',
      method: 'POST',
      body: '{"tenant":"evil","n":1,"o":{}}',
      headers: { 'content-type': 'text/plain' },
      params: { id: '7', tenant: 'evil', n: '1' },
      why: 'so are the scalars of a body that is JSON, whatever it is called',
    },
    {
      path: '/params/7',
      method: 'POST',
      body: '{"n":1}',
      chunked: true,
      params: { id: '7' },
      why: 'but not of a chunked one',
    },
    {
      path: '/echo?id=evil',
      params: { id: 'evil' },
      why: 'an absent optional parameter can be given by anyone',
    },
  ])('$why', async ({ why: _, params, ...request }) => {
    expect((await seen(way, request)).params).toEqual(params);
  });
});

test('parameters without streaming are those of the route alone', async () => {
  const request = { path: '/params/7?Id=UP&q=1', method: 'POST', body: '{"n":1}' };
  expect((await seen('buffered', request)).params).toEqual({ id: '7' });
});

describe.each(EVERY)('paths and addresses, %s', (way) => {
  test('an encoded slash stays encoded in a parameter, and is encoded twice in the URL', async () => {
    const { params, url } = await seen(way, { path: '/n/io.github.a%2Fb/v/1' });
    expect(params).toEqual({ name: 'io.github.a%2Fb', version: '1' });
    expect(new URL(url).pathname).toBe('/n/io.github.a%252Fb/v/1');
    expect((await seen(way, { path: '/rest/a%2Fb/c' })).params).toEqual({ rest: 'a%2Fb/c' });
  });

  test('a plus and an empty segment stay as they are', async () => {
    expect((await seen(way, { path: '/rest/a+b//c' })).params).toEqual({ rest: 'a+b//c' });
  });

  test('the URL carries whatever the client calls the host', async () => {
    const headers = { host: 'evil.example:99', 'x-forwarded-host': 'other.example' };
    expect((await seen(way, { path: '/echo?x=1', headers })).url).toBe('http://evil.example:99/echo?x=1');
  });

  test('a function sees the headers of the client, and none of those between host and library', async () => {
    const { headers } = await seen(way, { path: '/echo', headers: { 'X-One': ['1', '2'], Cookie: 'a=b' } });
    const host = `127.0.0.1:${hosts[way].port}`;
    expect(headers).toEqual({ host, cookie: 'a=b', 'x-one': '1,2', connection: 'close' });
  });
});

describe('bodies', () => {
  test.each(STREAMED)('a chunked body is whole with streaming (%s)', async (way) => {
    expect((await seen(way, { path: '/echo', method: 'POST', body: 'chunked', chunked: true })).body).toBe(
      'chunked',
    );
  });

  test('a chunked body is empty without streaming', async () => {
    expect(
      (await seen('buffered', { path: '/echo', method: 'POST', body: 'chunked', chunked: true })).body,
    ).toBe('');
  });

  test.each(EVERY)('a body of more than 100 MiB gets an empty 500 before it is sent (%s)', async (way) => {
    const headers = { 'content-length': 100 * 1024 * 1024 + 1, expect: '100-continue' };
    expect(await ask(way, { path: '/size', method: 'POST', headers })).toMatchObject({
      status: 500,
      body: '',
    });
  });

  test.each(EVERY)('an answer that names no length leaves chunked (%s)', async (way) => {
    const { headers } = await ask(way, { path: '/echo' });
    expect(headers['transfer-encoding']).toBe('chunked');
    expect(headers['content-length']).toBeUndefined();
  });

  test('a repeated query value survives with streaming, and is one without', async () => {
    expect((await seen('direct', { path: '/echo?a=1&a=2' })).query).toEqual([
      ['a', '1'],
      ['a', '2'],
    ]);
    expect((await seen('buffered', { path: '/echo?a=1&a=2' })).query).toEqual([['a', '1,2']]);
  });
});

describe.each(EVERY)('answers, %s', (way) => {
  test.each([202, 401, 404, 405, 406, 412, 415, 429, 503])(
    '%i keeps its headers and its body',
    async (status) => {
      const answer = await ask(way, { path: `/status/${status}` });
      expect(answer).toMatchObject({
        status,
        body: `status ${status}`,
        headers: {
          'www-authenticate': 'Bearer realm="sample"',
          'mcp-session-id': 'session',
          allow: 'GET',
          etag: '"1"',
          link: '</next>; rel="next"',
          'cache-control': 'no-store',
        },
      });
    },
  );

  test.each([204, 304])('%i has no body', async (status) => {
    expect(await ask(way, { path: `/status/${status}` })).toMatchObject({ status, body: '' });
  });

  test('cookies all arrive, and of those written as headers the last', async () => {
    const cookies = (await ask(way, { path: '/cookies' })).headers['set-cookie'];
    expect(cookies).toEqual([
      expect.stringMatching(/^one=1; .*HttpOnly/),
      expect.stringMatching(/^two=2; .*Secure/),
    ]);
    expect((await ask(way, { path: '/cookie-headers' })).headers['set-cookie']).toEqual(['two=2']);
  });

  test('a native Response is an answer', async () => {
    expect(await ask(way, { path: '/native' })).toMatchObject({
      status: 418,
      body: 'native',
      headers: { 'x-kind': 'native' },
    });
  });
});

describe.each(STREAMED)('functions that Azure would leave unanswered, %s', (way) => {
  test.each([
    {
      path: '/throws',
      says: '(function throws) threw. With HTTP streaming on, Azure would leave the client waiting',
    },
    {
      path: '/nothing',
      says: '(function returnsNothing) returned no response. With HTTP streaming on, Azure would leave',
    },
    {
      path: '/null',
      says: '(function returnsNull) returned no response. With HTTP streaming on, Azure would leave',
    },
    {
      path: '/text',
      says: '(function returnsText) threw. With HTTP streaming on, Azure would leave the client waiting',
    },
    {
      path: '/never',
      says: 'never did not finish within functionTimeout (1000 ms). Azure would replace the process',
    },
  ])('$path: 500 and a loud line', async ({ path, says }) => {
    expect(await ask(way, { path })).toMatchObject({ status: 500, body: '' });
    await hosts[way].complained(says);
  });

  test('the connection of a client is of use afterwards', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const get = async (path: string) => {
      const request = http.get({ agent, port: hosts[way].port, host: '127.0.0.1', path });
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      return { body: await textOf(response), reused: request.reusedSocket };
    };
    await get('/throws');
    expect(await get('/native')).toEqual({ body: 'native', reused: true });
    agent.destroy();
  });
});

test.each([
  { path: '/throws', status: 500 },
  { path: '/nothing', status: 204 },
  { path: '/null', status: 204 },
  { path: '/text', status: 500 },
  { path: '/never', status: 500 },
])('without streaming, $path is answered with $status', async ({ path, status }) => {
  expect(await ask('buffered', { path })).toMatchObject({ status, body: '' });
});

/** Starts `GET /gated`, whose chunks leave when the test says so. */
function openGated(way: Way): {
  request: http.ClientRequest;
  response: Promise<http.IncomingMessage>;
  arrived: () => boolean;
} {
  let arrived = false;
  const request = http.get({ port: hosts[way].port, host: '127.0.0.1', path: '/gated', agent: false });
  const response = once(request, 'response').then(([answer]: unknown[]) => {
    arrived = true;
    return answer as http.IncomingMessage;
  });
  return { request, response, arrived: () => arrived };
}

const release = (way: Way, chunk: string): Promise<RawAnswer> =>
  ask(way, { path: '/release', method: 'POST', body: chunk });

/** The chunks of an answer as they come; the last `next()` rejects when the answer is cut off. */
function chunksOf(response: http.IncomingMessage): { next(): Promise<IteratorResult<string>> } {
  response.setEncoding('utf8');
  return response[Symbol.asyncIterator]();
}

describe.each(STREAMED)('a streamed answer, %s', (way) => {
  test('holds its head until the first chunk, then sends each chunk as it is written', async () => {
    const { response, arrived } = openGated(way);
    await hosts[way].reported('gated');
    await ask(way, { path: '/native' });
    expect(arrived()).toBe(false);
    await release(way, ':first\n\n');
    const answer = await response;
    expect(answer.headers['content-type']).toBe('text/event-stream');
    const chunks = chunksOf(answer);
    expect(await chunks.next()).toMatchObject({ value: ':first\n\n' });
    await release(way, 'data: 2\n\n');
    expect(await chunks.next()).toMatchObject({ value: 'data: 2\n\n' });
    await release(way, 'end');
    expect(await chunks.next()).toMatchObject({ done: true });
  });

  test('that fails midway is cut off, and loudly: Azure would leave it open', async () => {
    const { response } = openGated(way);
    await hosts[way].reported('gated');
    await release(way, 'data: 1\n\n');
    const chunks = chunksOf(await response);
    expect(await chunks.next()).toMatchObject({ value: 'data: 1\n\n' });
    const cut = expect(chunks.next()).rejects.toThrow('aborted');
    await release(way, 'error');
    await cut;
    await hosts[way].complained('threw in the middle of its answer');
  });
});

test('without streaming an answer arrives whole, at its end', async () => {
  const { response, arrived } = openGated('buffered');
  await hosts.buffered.reported('gated');
  await release('buffered', 'one');
  await release('buffered', 'two');
  expect(arrived()).toBe(false);
  await release('buffered', 'end');
  expect(await textOf(await response)).toBe('onetwo');
});

test.each(EVERY)('a function knows its invocation, and no trigger metadata (%s)', async (way) => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const { body } = await ask(way, { path: '/context', headers: { traceparent } });
  const context = JSON.parse(body) as { invocationId: string; traceContext: { traceParent: string } };
  expect(context).toMatchObject({ functionName: 'context', triggerMetadata: null });
  expect(context.invocationId).toMatch(/^[0-9a-f-]{36}$/);
  expect(context.traceContext.traceParent).toContain('0af7651916cd43dd8448eb211c80319c');
});
