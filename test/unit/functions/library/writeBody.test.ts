import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { writeBody } from '../../../../functions/http/library/writeBody.ts';

/** The response of a client that may leave. */
function client() {
  const written: unknown[] = [];
  const ended: unknown[] = [];
  const response = Object.assign(new EventEmitter(), {
    destroyed: false,
    write: (chunk: unknown) => written.push(chunk),
    end: (text: unknown) => ended.push(text),
  });
  const leave = () => {
    response.destroyed = true;
    response.emit('close');
  };
  return { written, ended, leave, response: response as unknown as ServerResponse };
}

/** Chunks that come when the test says so. */
function chunksOnDemand() {
  const [asked, ended] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
  let next = Promise.withResolvers<IteratorResult<Uint8Array>>();
  let reads = 0;
  const chunks: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      next() {
        reads += 1;
        asked.resolve(undefined);
        return next.promise;
      },
      return() {
        ended.resolve(undefined);
        next.resolve({ done: true, value: undefined });
        return Promise.resolve({ done: true, value: undefined });
      },
    }),
  };
  const give = (value: Uint8Array) => {
    const { resolve } = next;
    next = Promise.withResolvers();
    resolve({ done: false, value });
  };
  return { chunks, reads: () => reads, asked: asked.promise, ended: ended.promise, give };
}

test('chunks are written in their order, and nothing is left behind', async () => {
  const { response, written, ended } = client();
  await writeBody(ReadableStream.from([Buffer.from('c'), Buffer.from('d')]).values(), response);
  expect(written.map(String)).toEqual(['c', 'd']);
  expect(ended).toEqual([undefined]);
  expect(response.listenerCount('close')).toBe(0);
});

test.each(['text', undefined])('%j is written with the end of the response', async (text) => {
  const { response, written, ended } = client();
  await writeBody(text, response);
  expect(written).toEqual([]);
  expect(ended).toEqual([text]);
});

test('a client that leaves ends the chunks while the next one is awaited', async () => {
  const { response, leave, written } = client();
  const { chunks, asked, ended } = chunksOnDemand();
  const done = writeBody(chunks, response);
  await asked;
  leave();
  await ended;
  await done;
  expect(written).toEqual([]);
});

test('a chunk for a client that has left is not written', async () => {
  const { response, leave, written } = client();
  const { chunks, asked, give } = chunksOnDemand();
  const iterator = chunks[Symbol.asyncIterator]();
  const done = writeBody({ [Symbol.asyncIterator]: () => ({ next: () => iterator.next() }) }, response);
  await asked;
  leave();
  give(Buffer.from('late'));
  await done;
  expect(written).toEqual([]);
});

test('nothing is read for a client that left before, and the chunks are ended', async () => {
  const { response, leave, written } = client();
  leave();
  const { chunks, reads, ended } = chunksOnDemand();
  await writeBody(chunks, response);
  await ended;
  expect(reads()).toBe(0);
  expect(written).toEqual([]);
});
