import { once } from 'node:events';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  buildSample,
  type BuiltSample,
  type SampleHost,
  startSampleHost,
} from '../../infra/functions-host/test/support/sampleHost.ts';
import { buildPatched } from '../support/buildPatched.ts';
import { openRaw, type RawReply, replyOf, sendRaw } from '../support/rawHttp.ts';

const ENTRY = path.resolve(import.meta.dirname, '../support/routesApp/main.ts');
const MEBIBYTE = 1024 * 1024;

/** The product's wrapper in the local host: with the library as it is published, and as the build has it. */
type Name = 'published' | 'direct' | 'proxy';
const hosts = {} as Record<Name, SampleHost>;
const samples: BuiltSample[] = [];

beforeAll(async () => {
  samples.push(
    await buildSample({ functionTimeout: '00:00:01' }, { entry: ENTRY }),
    await buildSample({ functionTimeout: '00:00:20' }, { entry: ENTRY, build: buildPatched }),
  );
  const start = (sample: BuiltSample | undefined, serving: 'direct' | 'proxy') =>
    startSampleHost(sample?.root ?? '', { args: ['--serving', serving] });
  [hosts.published, hosts.direct, hosts.proxy] = await Promise.all([
    start(samples[0], 'proxy'),
    start(samples[1], 'direct'),
    start(samples[1], 'proxy'),
  ]);
});
afterAll(async () => {
  await Promise.all(Object.values(hosts).map((host) => host.stop()));
  await Promise.all(samples.map((sample) => sample.remove()));
});

const get = (target: string, ...headers: string[]) =>
  [
    'GET ',
    target,
    ' HTTP/1.1\r\n',
    ...['Host: 127.0.0.1', ...headers].map((line) => `${line}\r\n`),
    '\r\n',
  ].join('');
const post = (target: string, body: string, ...headers: string[]) =>
  get(target, `Content-Length: ${Buffer.byteLength(body)}`, ...headers).replace('GET', 'POST') + body;
const ask = (name: Name, request: string): Promise<RawReply> => sendRaw(hosts[name].port, request);
const json = ({ body }: RawReply) =>
  JSON.parse(body) as { headers: Record<string, string>; query: string[][] };

const BUILT = ['direct', 'proxy'] as const;
const AS_JSON = 'Content-Type: application/json';
const replacement = JSON.stringify({ authorization: 'Bearer Admin', 'content-type': 'application/json' });
const named = (name: string) => `/seen?${name}=${encodeURIComponent(replacement)}`;

describe('headers come from the connection alone', () => {
  const inBody = (name: string) => JSON.stringify({ [name]: replacement });
  const requests = [
    { why: 'a query', request: get(named('Headers'), 'X-Own: 1') },
    { why: 'a query of another spelling', request: get(named('hEADERS'), 'X-Own: 1') },
    { why: 'an encoded name', request: get(named('%48eaders'), 'X-Own: 1') },
    { why: 'a body', request: post('/seen', inBody('Headers'), AS_JSON, 'X-Own: 1') },
    { why: 'a body of another spelling', request: post('/seen', inBody('headers'), AS_JSON, 'X-Own: 1') },
    {
      why: 'all other names of what the host says beside the request',
      request: post(
        `/seen?${['Query', 'Params', 'method', 'url', 'sys', 'req', '$request', 'x-ms-invocation-id', '__proto__', 'constructor'].map((name) => `${name}=x`).join('&')}`,
        '{"Query":"x","Params":"x","method":"x","url":"x","sys":"x","__proto__":"x"}',
        AS_JSON,
        'X-Own: 1',
      ),
    },
  ];

  describe.each(BUILT)('%s', (name) => {
    test.each(requests)('whatever is said by $why', async ({ request }) => {
      const reply = await ask(name, request);
      expect(reply.status).toBe(200);
      expect(json(reply).headers).toMatchObject({ 'x-own': '1', host: '127.0.0.1' });
      expect(json(reply).headers).not.toHaveProperty('authorization');
    });

    test('a query is not taken for a token, nor does it hide one', async () => {
      const query = `Headers=${encodeURIComponent(replacement)}`;
      expect(await ask(name, post(`/guarded?${query}`, '{}', AS_JSON))).toMatchObject({ status: 401 });
      expect(await ask(name, post('/guarded?headers=1', '{}', ...known))).toMatchObject({ status: 200 });
      expect(
        await ask(name, post(`/guarded?${query}`, '{}', ...known, 'Origin: https://evil.example')),
      ).toMatchObject({
        status: 403,
      });
    });

    test('the address of a caller is the one that the host saw, whatever the client writes', async () => {
      for (const spoofed of [
        [],
        ['X-Forwarded-For: 1.2.3.4'],
        ['X-Forwarded-For: 1.2.3.4, 5.6.7.8', 'Forwarded: for=1.2.3.4'],
      ])
        expect(await ask(name, get('/limited', ...spoofed))).toMatchObject({ status: 200 });
    });

    test('those of the hop between host and app are not among them', async () => {
      const spoofed = ['X-Forwarded-Host: evil.example', 'X-Forwarded-For: 1.2.3.4', 'X-Own: 1', 'x-own: 2'];
      expect(json(await ask(name, get('/seen', ...spoofed, 'Cookie: a=1', 'Cookie: b=2'))).headers).toEqual({
        host: '127.0.0.1',
        'x-own': '1, 2',
        cookie: 'a=1; b=2',
      });
    });
  });

  test.each(requests.slice(0, 5))(
    'the library as it is published takes those of $why',
    async ({ request }) => {
      expect((await ask('published', request)).body).not.toContain('x-own');
    },
  );
});

const hostile = [
  { why: 'a Host that no URL can have', request: get('/seen').replace('127.0.0.1', '1.2.3.400') },
  { why: '20 KB of headers', request: get('/seen', `X-Long: ${'x'.repeat(20_000)}`) },
  {
    why: 'nearly 32 KB of headers',
    request: get('/seen', ...Array.from({ length: 9 }, (_, n) => `X-${n}: ${'x'.repeat(3_500)}`)),
  },
  { why: 'a control character in a value', request: get('/seen', 'X-N: a\u0001b') },
  { why: 'an expectation', request: get('/seen', 'Expect: x') },
  { why: 'UTF-8 in a value', request: get('/seen', 'X-N: \u00e9') },
  { why: 'an invocation id of its own', request: get('/seen', 'X-MS-Invocation-Id: mine') },
];

/** Holds a call in flight while `act` runs, and resolves to how that call was answered. */
async function besideACall(name: Name, act: () => Promise<void>): Promise<RawReply> {
  const parked = ask(name, get('/parked'));
  await hosts[name].reported('parked');
  await act();
  hosts[name].child.send('go on');
  return parked;
}

describe.concurrent.each(BUILT)('a request that the host lets pass and Node would not, %s', (name) => {
  // What the host itself cannot pass on is answered by it, when the app says that nothing came.
  const byHost = name === 'proxy' ? ['UTF-8 in a value'] : [];

  test('is answered, and calls in flight go on', async () => {
    const beside = await besideACall(name, async () => {
      const replies = await Promise.all(
        hostile.map(async ({ why, request }) => ({ why, reply: await ask(name, request) })),
      );
      for (const { why, reply } of replies) {
        const isOrphan = why === 'an invocation id of its own';
        expect({ why, status: reply.status }).toEqual({ why, status: byHost.includes(why) ? 500 : 400 });
        if (!byHost.includes(why) && !isOrphan) expect(reply.body).toContain('"kind":"bad_request"');
      }
    });
    expect(beside).toMatchObject({ status: 200, body: '{"went":"on"}' });
  });
});

describe('the library as it is published', () => {
  const [host, ...ending] = hostile;
  test.each(ending)('lets $why end the worker, with the calls in it', async ({ request }) => {
    const refused = ask('published', request);
    await ask('published', get('/seen'));
    const beside = ask('published', get('/parked'));
    await hosts.published.reported('parked');
    expect((await refused).status).toBe(500);
    expect((await beside).status).toBe(500);
    await hosts.published.complained(
      '(function parked) was in flight when seen did not finish within functionTimeout',
    );
    hosts.published.child.send('go on');
  });

  test(`leaves ${host?.why ?? ''} without an answer`, async () => {
    expect((await ask('published', host?.request ?? '')).status).toBe(500);
    await hosts.published.complained(
      '(function seen) threw. With HTTP streaming on, Azure would leave the client',
    );
  });
});

/** A chunked body of so many bytes, as fast as the connection takes it. */
async function sendChunked(name: Name, bytes: number, head: string): Promise<RawReply> {
  const socket = await openRaw(hosts[name].port);
  const reply = replyOf(socket);
  socket.write(head);
  const chunk = Buffer.alloc(64 * 1024, ' ');
  const closed = once(socket, 'close');
  for (let sent = 0; sent < bytes && socket.writable; sent += chunk.length) {
    socket.write(`${chunk.length.toString(16)}\r\n`);
    socket.write(chunk);
    if (!socket.write('\r\n')) await Promise.race([once(socket, 'drain'), closed]);
  }
  if (socket.writable) socket.write('0\r\n\r\n');
  return reply;
}

const known = ['Authorization: Bearer Admin', AS_JSON];
const chunked = get('/guarded', 'Transfer-Encoding: chunked', ...known).replace('GET', 'POST');

describe.each(BUILT)('a body over the bound, %s', (name) => {
  test.each([
    { mebibytes: 1.1, times: 20 },
    { mebibytes: 1.5, times: 20 },
    { mebibytes: 8, times: 10 },
    { mebibytes: 90, times: 1 },
  ])('of $mebibytes MiB in chunks is 413, $times times at once', async ({ mebibytes, times }) => {
    const each = Array.from({ length: times }, () => sendChunked(name, mebibytes * MEBIBYTE, chunked));
    expect((await Promise.all(each)).map(({ status }) => status)).toEqual(each.map(() => 413));
  });

  test.each([1.1, 8, 90])('of %d MiB with its length is 413', async (mebibytes) => {
    const body = ' '.repeat(mebibytes * MEBIBYTE);
    expect(await ask(name, post('/guarded', body, ...known))).toMatchObject({ status: 413 });
  });

  test.each([
    { status: 401, why: 'without a token', head: chunked.replace('Bearer Admin', 'Bearer nobody') },
    { status: 415, why: 'of another type', head: chunked.replace('application/json', 'text/plain') },
  ])('$why is $status, and is not waited for', async ({ status, head }) => {
    expect(await sendChunked(name, 8 * MEBIBYTE, head)).toMatchObject({ status });
  });
});

test.concurrent.each(BUILT)(
  'a body that never ends is 413 all the same, and calls in flight go on, %s',
  async (name) => {
    const beside = await besideACall(name, async () => {
      const socket = await openRaw(hosts[name].port);
      const reply = replyOf(socket);
      socket.write(`${chunked}200000\r\n${' '.repeat(0x1f_ffff)}`);
      expect(await reply).toMatchObject({ status: 413 });
    });
    expect(beside).toMatchObject({ status: 200 });
  },
);

describe.each(BUILT)('an event stream, %s', (name) => {
  test('ends what it carries when its client leaves, also while nothing happens', async () => {
    const socket = await openRaw(hosts[name].port);
    socket.write(get('/events'));
    const [head] = (await once(socket, 'data')) as [Buffer];
    expect(head.toString()).toContain('200 OK');
    socket.destroy();
    await hosts[name].reported('cancelled');
    // Its invocation has ended too: one that did not would end the worker at functionTimeout.
    expect(await ask(name, get('/seen'))).toMatchObject({ status: 200 });
  });
});

describe.each(BUILT)('what the host answers itself, %s', (name) => {
  test.each([
    {
      why: '100 headers are taken',
      request: get('/seen', ...Array.from({ length: 99 }, (_, n) => `X-${n}: 1`)),
      status: 200,
    },
    {
      why: 'more than 100 headers',
      request: get('/seen', ...Array.from({ length: 100 }, (_, n) => `X-${n}: 1`)),
      status: 431,
    },
    {
      why: 'more than 32 KB of headers',
      request: get('/seen', `X-Long: ${'x'.repeat(33_000)}`),
      status: 431,
    },
    { why: 'a request line of 8 KB is taken', request: get(`/seen?${'x'.repeat(8_192 - 21)}`), status: 200 },
    { why: 'a request line of more than 8 KB', request: get(`/seen?${'x'.repeat(8_192 - 20)}`), status: 414 },
    { why: 'two Host headers', request: get('/seen', 'Host: 127.0.0.1'), status: 400 },
    { why: 'no Host header', request: 'GET /seen HTTP/1.1\r\n\r\n', status: 400 },
    { why: 'an empty Host header', request: 'GET /seen HTTP/1.1\r\nHost:\r\n\r\n', status: 500 },
    { why: 'a Host with a space', request: get('/seen').replace('127.0.0.1', 'a b'), status: 400 },
    { why: 'a NUL in a value', request: get('/seen', 'X-N: a\0b'), status: 400 },
    { why: 'HTTP/1.0', request: 'GET /seen HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n', status: 500 },
    { why: 'an empty first segment', request: get('//seen'), status: 404 },
    { why: 'the webhooks of extensions', request: get('/runtime/webhooks/x'), status: 401 },
    { why: 'a target in absolute form is taken', request: get('http://127.0.0.1/seen?a=1'), status: 200 },
    { why: 'one that is not what Host says', request: get('http://elsewhere/seen'), status: 400 },
  ])('$why: $status', async ({ request, status }) => {
    const reply = await ask(name, request);
    expect(reply.status).toBe(status);
    if (status === 200) expect(json(reply).headers['host']).toBe('127.0.0.1');
    else expect(reply.body).toBe('');
  });
});
