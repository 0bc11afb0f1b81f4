import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, Socket } from 'node:net';
import { errors } from 'undici';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { IdleTimeout } from '../../../shared/platform/outbound/outboundBody.ts';
import {
  explain,
  openOutboundClient,
  type OutboundClient,
  type OutboundRequest,
  type Resolver,
} from '../../../shared/platform/outbound/outboundClient.ts';
import type { AddressPolicy } from '../../../shared/platform/security/addressRules.ts';

/** Every TCP connection that anything in this process tries to make, as `address:port`. */
const attempts: string[] = [];
// eslint-disable-next-line @typescript-eslint/unbound-method -- called with its socket again, below
const connect = Socket.prototype.connect;
beforeAll(() => {
  Socket.prototype.connect = function (this: Socket, ...args: unknown[]) {
    this.on('connectionAttempt', (address: string, port: number) => attempts.push(`${address}:${port}`));
    return Reflect.apply(connect, this, args) as Socket;
  };
});
afterAll(() => {
  Socket.prototype.connect = connect;
});
beforeEach(() => {
  attempts.length = 0;
});

const closing: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

function open(policy: AddressPolicy, resolve?: Resolver): OutboundClient {
  const client = openOutboundClient(policy, resolve);
  closing.push(() => client.close());
  return client;
}

/** An upstream server; its port. */
async function serve(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<number> {
  const server: Server = createServer(handle);
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return (server.address() as AddressInfo).port;
}

/** A resolver that gives these answers, one a question, the last for ever; and the names it was asked for. */
function answering(...answers: (readonly string[] | NodeJS.ErrnoException)[]) {
  const asked: string[] = [];
  const resolve: Resolver = (hostname, _options, callback) => {
    const answer = answers[Math.min(asked.length, answers.length - 1)] ?? [];
    asked.push(hostname);
    if (answer instanceof Error) callback(answer, []);
    else
      callback(
        null,
        answer.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
  };
  return { resolve, asked };
}

const get = (url: string, more: Partial<OutboundRequest> = {}): OutboundRequest => ({
  method: 'GET',
  url,
  headers: {},
  ...more,
});

async function textOf(client: OutboundClient, request: OutboundRequest): Promise<string> {
  const response = await client.request(request);
  if (!response.ok) return response.error.message;
  return String(await response.value.body.bytes(1_000_000));
}

const refusedName = {
  ok: false,
  error: { kind: 'invalid', message: 'its name resolves to a private or reserved address' },
};

describe('what a name resolves to', () => {
  test('is where the connection goes, without a second question', async () => {
    const port = await serve((_, response) => response.end('here'));
    const { resolve, asked } = answering(['127.0.0.1'], ['127.0.0.2']);
    expect(await textOf(open('private_allowed', resolve), get(`http://mcp.example.com:${port}/`))).toBe(
      'here',
    );
    expect(asked).toEqual(['mcp.example.com']);
    expect(attempts).toEqual([`127.0.0.1:${port}`]);
  });

  test.each([
    [['127.0.0.1'], 'loopback'],
    [['::1'], 'loopback'],
    [['::ffff:127.0.0.1'], 'loopback, mapped'],
    [['10.0.0.5'], 'private'],
    [['169.254.169.254'], 'instance metadata'],
    [['168.63.129.16'], 'WireServer'],
    [['64:ff9b::a9fe:a9fe'], 'instance metadata by NAT64'],
    [['fd12::1'], 'unique local'],
    [
      ['93.184.216.34', '127.0.0.1'],
      'one answer of two is bad: which of them is used is the network’s choice',
    ],
    [['127.0.0.1', '93.184.216.34'], 'the order does not matter'],
    [['2606:2800:220:1::1', 'fe80::1'], 'one of two in IPv6'],
    [['not an address'], 'no address at all'],
  ])('%j is refused for a public upstream and no socket is opened: %s', async (addresses) => {
    const client = open('public', answering(addresses).resolve);
    expect(await client.request(get('https://mcp.example.com/mcp'))).toEqual(refusedName);
    expect(attempts).toEqual([]);
  });

  test('is refused for link-local addresses even where private ones are allowed', async () => {
    const client = open('private_allowed', answering(['169.254.169.254']).resolve);
    expect(await client.request(get('http://mcp.example.com/metadata'))).toEqual(refusedName);
    expect(attempts).toEqual([]);
  });

  test('is judged again for every new connection, so that a name cannot change its mind', async () => {
    const port = await serve((_, response) => response.setHeader('connection', 'close').end('first'));
    const { resolve, asked } = answering(['127.0.0.1'], ['169.254.169.254']);
    const client = open('private_allowed', resolve);
    const url = `http://rebind.example.com:${port}/`;
    expect(await textOf(client, get(url))).toBe('first');
    expect(await client.request(get(url))).toEqual(refusedName);
    expect(asked).toHaveLength(2);
    expect(attempts).toEqual([`127.0.0.1:${port}`]);
  });

  test('may be nothing, which is a failure too', async () => {
    const client = open('public', answering([]).resolve);
    expect(await client.request(get('https://mcp.example.com/'))).toEqual({
      ok: false,
      error: { kind: 'unavailable', message: 'connection failed' },
    });
    expect(attempts).toEqual([]);
  });
});

describe('a URL that is refused by its text', () => {
  test.each([
    ['public', 'http://mcp.example.com/', 'must use https'],
    ['public', 'https://127.0.0.1/', 'must not point to'],
    ['public', 'https://[::ffff:a9fe:a9fe]/', 'must not point to'],
    ['private_allowed', 'http://169.254.169.254/', 'must not point to'],
    ['private_allowed', 'file:///etc/passwd', 'must use https or http'],
  ] as const)('%s %s opens no socket and asks no resolver', async (policy, url, message) => {
    const { resolve, asked } = answering(['127.0.0.1']);
    const response = await open(policy, resolve).request(get(url));
    expect(response).toMatchObject({ ok: false, error: { kind: 'invalid' } });
    expect(!response.ok && response.error.message).toContain(message);
    expect([asked, attempts]).toEqual([[], []]);
  });
});

describe('an exchange', () => {
  test('is not redirected: the answer says where to, and nobody goes there', async () => {
    const paths: string[] = [];
    const port = await serve((request, response) => {
      paths.push(request.url ?? '');
      response.writeHead(307, { location: '/elsewhere' }).end();
    });
    const response = await open('private_allowed').request(get(`http://127.0.0.1:${port}/mcp`));
    expect(response).toMatchObject({
      ok: true,
      value: { statusCode: 307, headers: { location: '/elsewhere' } },
    });
    expect(paths).toEqual(['/mcp']);
  });

  test('asks for no content encoding, whatever headers are handed on', async () => {
    const port = await serve((request, response) => response.end(request.headers['accept-encoding']));
    const request = get(`http://127.0.0.1:${port}/`, { headers: { 'accept-encoding': 'gzip, br' } });
    expect(await textOf(open('private_allowed'), request)).toBe('identity');
  });

  test('sends what it is given and nothing of its own', async () => {
    const port = await serve((request, response) => response.end(JSON.stringify(request.headers)));
    const text = await textOf(open('private_allowed'), {
      method: 'POST',
      url: `http://127.0.0.1:${port}/`,
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect(Object.keys(JSON.parse(text) as object).sort()).toEqual([
      'accept-encoding',
      'connection',
      'content-length',
      'content-type',
      'host',
    ]);
  });

  test('leaves its connection to a later one', async () => {
    const port = await serve((_, response) => response.end('ok'));
    const client = open('private_allowed');
    for (let call = 0; call < 10; call++) await textOf(client, get(`http://127.0.0.1:${port}/`));
    // The pool may open a second one while the first is still being handed back.
    expect(attempts.length).toBeLessThanOrEqual(2);
  });
});

describe('a fault', () => {
  /** A port where nobody listens. */
  async function deadPort(): Promise<number> {
    const server = createTcpServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    await new Promise((done) => server.close(done));
    return port;
  }

  test('of a server that does not listen is "connection refused"', async () => {
    const response = await open('private_allowed').request(get(`http://127.0.0.1:${await deadPort()}/`));
    expect(response).toEqual({ ok: false, error: { kind: 'unavailable', message: 'connection refused' } });
  });

  test('of a server that listens on none of its addresses is "connection refused"', async () => {
    const { resolve } = answering(['127.0.0.1', '127.0.0.2']);
    const client = open('private_allowed', resolve);
    const response = await client.request(get(`http://mcp.example.com:${await deadPort()}/`));
    expect(response).toEqual({ ok: false, error: { kind: 'unavailable', message: 'connection refused' } });
  });

  test.each([
    ['closes', (request: IncomingMessage) => request.socket.destroy()],
    ['resets', (request: IncomingMessage) => request.socket.resetAndDestroy()],
  ])('of a server that %s the connection is said to be the server’s', async (_, fail) => {
    const port = await serve(fail);
    const response = await open('private_allowed').request(get(`http://127.0.0.1:${port}/`));
    expect(response).toEqual({
      ok: false,
      error: { kind: 'unavailable', message: 'connection closed by the server' },
    });
  });

  test.each([
    ['ENOTFOUND', 'host name not found'],
    ['EAI_AGAIN', 'host name could not be resolved'],
  ])('of the resolver, %s, is "%s"', async (code, message) => {
    const { resolve } = answering(Object.assign(new Error(`getaddrinfo ${code} secret-name`), { code }));
    const response = await open('public', resolve).request(get('https://mcp.example.com/'));
    expect(response).toEqual({ ok: false, error: { kind: 'unavailable', message } });
  });

  test('of a server that stays silent until the caller gives up is a timeout', async () => {
    const abort = new AbortController();
    const port = await serve(() => {
      abort.abort();
    });
    const request = get(`http://127.0.0.1:${port}/`, { signal: abort.signal });
    expect(await open('private_allowed').request(request)).toEqual({
      ok: false,
      error: { kind: 'timeout', message: 'no answer in time' },
    });
  });

  test('of a server that does not speak HTTP tells nothing of what it said', async () => {
    const server = createTcpServer((socket) => socket.end('SSH-2.0-canary\r\n\r\n'));
    closing.push(() => server.close());
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    expect(await open('private_allowed').request(get(`http://127.0.0.1:${port}/`))).toEqual({
      ok: false,
      error: { kind: 'unavailable', message: 'connection failed' },
    });
  });

  test.each([
    [new errors.ConnectTimeoutError(), 'timeout', 'no answer in time'],
    [new errors.HeadersTimeoutError(), 'timeout', 'no answer in time'],
    [new errors.BodyTimeoutError(), 'timeout', 'no answer in time'],
    [new IdleTimeout(), 'timeout', 'no answer in time'],
    [fault('EHOSTUNREACH'), 'unavailable', 'host unreachable'],
    [fault('ENETUNREACH'), 'unavailable', 'network unreachable'],
    [fault('CERT_HAS_EXPIRED'), 'unavailable', 'its TLS certificate has expired'],
    [fault('DEPTH_ZERO_SELF_SIGNED_CERT'), 'unavailable', 'its TLS certificate is self-signed'],
    [fault('ERR_TLS_CERT_ALTNAME_INVALID'), 'unavailable', 'its TLS certificate is for another name'],
    [new AggregateError([fault('ETIMEDOUT'), fault('ENETUNREACH')]), 'unavailable', 'connection failed'],
    [fault('UNHEARD_OF'), 'unavailable', 'connection failed'],
    [new Error('canary'), 'unavailable', 'connection failed'],
    ['canary', 'unavailable', 'connection failed'],
    [undefined, 'unavailable', 'connection failed'],
  ] as const)('%s is %s, in words of a closed list', (error, kind, message) => {
    expect(explain(error)).toEqual({ kind, message });
  });
});

function fault(code: string): Error {
  return Object.assign(new Error(`canary ${code}`), { code });
}
