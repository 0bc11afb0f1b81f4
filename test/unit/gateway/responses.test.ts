import { expect, test } from 'vitest';
import { eventResponse } from '../../../shared/gateway/protocol/responses.ts';
import { StreamResponse } from '../../../shared/platform/http/streamResponse.ts';

function iteratorOf(response: Response): AsyncIterator<Uint8Array> {
  if (!(response instanceof StreamResponse)) throw new Error('not a stream');
  return response.chunks[Symbol.asyncIterator]();
}

test('a stream whose client leaves while nothing happens ends at once, and so does what it carries', async () => {
  let cancelled = 0;
  const events = iteratorOf(
    eventResponse({
      next: () => new Promise(() => undefined),
      cancel: () => {
        cancelled += 1;
      },
    }),
  );
  const pending = events.next();
  const over = { done: true, value: undefined };
  expect(await events.return?.()).toEqual(over);
  expect(await pending).toEqual(over);
  expect(await events.next()).toEqual(over);
  await events.return?.();
  expect(cancelled).toBe(1);
});

test('an event that comes when the client has left is discarded', async () => {
  const event = Promise.withResolvers<{ event: Uint8Array; last: boolean }>();
  const events = iteratorOf(eventResponse({ next: () => event.promise, cancel: () => undefined }));
  const pending = events.next();
  event.resolve({ event: Buffer.from('data: late\n\n'), last: true });
  await events.return?.();
  expect(await pending).toEqual({ done: true, value: undefined });
});
