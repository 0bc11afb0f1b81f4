import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../shared/platform/base/clock.ts';
import { redisStateStore } from '../../shared/platform/state/redisStateStore.ts';
import type { StateStore } from '../../shared/platform/state/stateStore.ts';
import { expectClear, timed } from '../support/timedCalls.ts';

const minuteMs = 60_000;

describe('state on what only looks like a Redis', () => {
  const opened: { close(): void }[] = [];

  const open = (url: string): StateStore => {
    const store = redisStateStore(url, systemClock);
    opened.push(store);
    return store.state;
  };
  /** A server on a port of its own. */
  const listen = async (onConnection: (socket: Socket) => void) => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined));
      onConnection(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const close = async () => {
      for (const socket of sockets) socket.destroy();
      if (server.listening) await once(server.close(), 'close');
    };
    opened.push({ close: () => void close() });
    return { url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
  };

  afterEach(() => {
    for (const one of opened.splice(0)) one.close();
  });

  test('nothing that listens: calls fail at once', async () => {
    const { url, close } = await listen(() => undefined);
    await close();
    const store = open(url);
    for (let i = 0; i < 3; i++) {
      const end = await timed(store.get('any'));
      expectClear(end);
      expect(end.tookMs).toBeLessThan(500);
      expect(end.fault).toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    }
  });

  test('something else that listens and says nothing: calls fail within the bound', async () => {
    const { url } = await listen(() => undefined);
    const end = await timed(open(url).get('any'));
    expectClear(end);
    expect(end.fault).toBeDefined();
  });

  test('an answer that comes in drops is not waited for', async () => {
    const { url } = await listen((socket) => {
      shakeHands(socket, () => {
        socket.write('$1000\r\n');
        const drip = setInterval(() => socket.write('x'), 100);
        socket.on('close', () => {
          clearInterval(drip);
        });
      });
    });
    const end = await timed(open(url).get('any'));
    expectClear(end);
    expect(end.fault).toBeDefined();
  });

  test('a connection that went silent is given up for a new one', async () => {
    let connections = 0;
    const { url } = await listen((socket) => {
      connections += 1;
      if (connections === 1) shakeHands(socket, () => undefined);
      else shakeHands(socket, () => socket.write('$5\r\nvalue\r\n'));
    });
    const store = open(url);
    const end = await timed(store.get('any'));
    expectClear(end);
    expect(end.fault).toBeDefined();
    await delay(100);
    expect(await store.get('any')).toBe('value');
    expect(connections).toBe(2);
  });

  test('a call whose connection was lost fails and is never sent again', async () => {
    let connections = 0;
    const { url } = await listen((socket) => {
      connections += 1;
      shakeHands(socket, () => socket.destroy());
    });
    const end = await timed(open(url).increment('any', 1, minuteMs));
    expectClear(end);
    expect(end.fault).toBeDefined();
    await delay(400);
    expect(connections).toBe(1);
  });

  test('however many calls ask for it, attempts to connect are apart', async () => {
    let connections = 0;
    const { url } = await listen((socket) => {
      connections += 1;
      socket.destroy();
    });
    const store = open(url);
    for (const end = performance.now() + 500; performance.now() < end;) {
      const calls = await Promise.all(Array.from({ length: 10 }, () => timed(store.get('any'))));
      for (const call of calls) expectClear(call);
    }
    expect(connections).toBeGreaterThan(1);
    expect(connections).toBeLessThanOrEqual(7);
  });

  test('a store that was closed while a call waited connects no more', async () => {
    let connections = 0;
    const { url } = await listen((socket) => {
      connections += 1;
      socket.destroy();
    });
    const store = redisStateStore(url, systemClock);
    await timed(store.state.get('any'));
    const waiting = timed(store.state.get('any'));
    await delay(20);
    store.close();
    expect((await waiting).fault).toMatchObject({ part: 'redis' });
    expect(connections).toBe(1);
  });

  test.each([
    'http://127.0.0.1',
    'redis://127.0.0.1?commandTimeout=0',
    'redis://us er@host',
    '127.0.0.1:6379',
    '',
  ])('%s is no URL for it', (url) => {
    expect(() => redisStateStore(url, systemClock)).toThrow(RangeError);
  });
});

/** Answers ioredis' first three commands, HELLO and CLIENT SETINFO twice; what comes then is for `then`. */
function shakeHands(socket: Socket, then: () => void): void {
  let commands = 0;
  socket.on('data', (data: Buffer) => {
    const begun = data.toString().match(/\*\d+\r\n\$/g)?.length ?? 0;
    for (let i = 0; i < begun; i++) {
      commands += 1;
      if (commands <= 3) socket.write(commands === 1 ? '%0\r\n' : '+OK\r\n');
      else then();
    }
  });
}
