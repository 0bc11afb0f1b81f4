import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { createSessionPool } from '../../../shared/gateway/upstream/sessions.ts';
import type { OutboundClient } from '../../../shared/platform/outbound.ts';
import { succeed } from '../../../shared/platform/result.ts';

/** Does the handshake, and counts how often. */
function countingServer(): OutboundClient & { readonly opened: string[] } {
  const opened: string[] = [];
  return {
    opened,
    request: ({ url, body }) => {
      const { id, method } = JSON.parse(body ?? '') as { id?: number; method: string };
      if (method === 'initialize') opened.push(url);
      const result = { protocolVersion: '2025-11-25', capabilities: {} };
      const text = id === undefined ? '' : JSON.stringify({ jsonrpc: '2.0', id, result });
      return Promise.resolve(
        succeed({
          statusCode: 200,
          headers: { 'content-type': 'application/json' },
          // A Readable has all of a response body that the gateway uses.
          body: Readable.from([Buffer.from(text)]) as never,
        }),
      );
    },
    close: () => Promise.resolve(),
  };
}

test('the pool holds no more than its capacity, and drops what was used longest ago', async () => {
  const server = countingServer();
  const pool = createSessionPool(server, 2);
  const use = (key: string) => pool.of(key, key).get();
  for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) await use(key);
  // `c` put out `b`, since `a` had been used after it; then `b` put out `c`.
  expect(server.opened).toEqual(['a', 'b', 'c', 'b']);
});

test('a session that is forgotten late does not take its successor with it', async () => {
  const server = countingServer();
  const slot = createSessionPool(server, 2).of('a', 'a');
  const first = await slot.get();
  await slot.forget(first);
  const second = await slot.get();
  await slot.forget(first);
  expect(await slot.get()).toBe(second);
  expect(server.opened).toHaveLength(2);
});
