import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createClientDocuments } from '../../shared/identity/broker/clientDocuments.ts';
import { CLIENT_DOCUMENT_TIMEOUT_MS } from '../../shared/identity/limits.ts';
import { systemClock } from '../../shared/platform/base/clock.ts';
import { openOutboundClient } from '../../shared/platform/outbound/outboundClient.ts';
import { serve, type Served } from '../support/serve.ts';

const paths: string[] = [];
let served: Served;
let origin: string;
const outbound = openOutboundClient('private_allowed');

beforeAll(async () => {
  served = await serve((request, response) => {
    const path = request.url ?? '';
    paths.push(path);
    const id = origin + path;
    const document = { client_id: id, client_name: 'App', redirect_uris: ['http://127.0.0.1/cb'] };
    const json = { 'content-type': 'application/json' };
    switch (path) {
      case '/redirect':
        response.writeHead(302, { location: '/client.json' }).end();
        return;
      case '/huge': {
        response.writeHead(200, json);
        const chunk = Buffer.alloc(64 * 1024, 0x20);
        for (let sent = 0; sent < 10 * 1024 * 1024; sent += chunk.length) response.write(chunk);
        response.end(JSON.stringify(document));
        return;
      }
      case '/slow':
        // It begins its answer, and never ends it.
        response.writeHead(200, json).write('{');
        return;
      case '/silent':
        return;
      default:
        response.writeHead(200, json).end(JSON.stringify(document));
    }
  });
  origin = `http://127.0.0.1:${served.port}`;
});
afterEach(() => void paths.splice(0));
afterAll(async () => {
  await outbound.close();
  await served.close();
});

describe('a document on a real server', () => {
  const clients = createClientDocuments({ outbound, clock: systemClock, allowsLoopback: true });

  test('is fetched', async () => {
    const id = `${origin}/client.json`;
    expect(await clients.find(id)).toMatchObject({ ok: true, value: { id, name: 'App' } });
    await clients.find(id);
    expect(paths).toEqual(['/client.json']);
  });

  test('that redirects is refused, and nothing else is fetched', async () => {
    expect(await clients.find(`${origin}/redirect`)).toMatchObject({
      error: { kind: 'invalid', message: expect.stringContaining('redirect') as string },
    });
    expect(paths).toEqual(['/redirect']);
  });

  test('of 10 MB is refused', async () => {
    expect(await clients.find(`${origin}/huge`)).toMatchObject({
      error: { kind: 'invalid', message: expect.stringContaining('5120 bytes') as string },
    });
  });

  test.each(['slow', 'silent'])(
    'is given up when its server is %s',
    async (path) => {
      const found = clients.find(`${origin}/${path}`);
      const late = sleep(CLIENT_DOCUMENT_TIMEOUT_MS + 5_000, 'still waiting', { ref: false });
      expect(await Promise.race([found, late])).toMatchObject({ error: { kind: 'timeout' } });
    },
    CLIENT_DOCUMENT_TIMEOUT_MS + 10_000,
  );
});

test.each([
  'https://127.0.0.1/client.json',
  'https://[::1]/c',
  'https://169.254.169.254/c',
  'https://10.0.0.1/c',
])('a document at %s is refused in production, before any connection', async (id) => {
  const guarded = openOutboundClient('public');
  const clients = createClientDocuments({ outbound: guarded, clock: systemClock, allowsLoopback: false });
  expect(await clients.find(id)).toMatchObject({ error: { kind: 'invalid' } });
  await guarded.close();
});

test('a document at a name of this machine is refused in production', async () => {
  const guarded = openOutboundClient('public', (_name, _options, callback) => {
    callback(null, [{ address: '127.0.0.1', family: 4 }]);
  });
  const clients = createClientDocuments({ outbound: guarded, clock: systemClock, allowsLoopback: false });
  expect(await clients.find('https://rebound.example/client.json')).toMatchObject({
    error: { kind: 'invalid', message: expect.stringContaining('private') as string },
  });
  await guarded.close();
});
