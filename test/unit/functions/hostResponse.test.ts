import { expect, test } from 'vitest';
import { hostResponse } from '../../../functions/http/register.ts';
import { StreamResponse, TextResponse } from '../../../shared/platform/http/responses.ts';

const headers = { 'x-a': '1' };

/** What the library does with a response in streaming mode: it reads these three and no more. */
async function written(response: Response) {
  const { status, headers, body, cookies } = hostResponse(response);
  const chunks: unknown[] = [];
  const values = body?.values() as unknown as string | AsyncIterable<unknown> | undefined;
  if (typeof values === 'string') chunks.push(values);
  else for await (const chunk of values ?? []) chunks.push(chunk);
  return { status, headers: Object.fromEntries(headers.entries()), chunks, cookies };
}

test('a text goes out in one piece, with its length in bytes', async () => {
  const response = new TextResponse('{"a":"ü"}', { status: 201, headers: { 'x-a': '1' } });
  response.headers.set('x-b', '2');
  expect(await written(response)).toEqual({
    status: 201,
    headers: { 'content-length': '10', 'x-a': '1', 'x-b': '2' },
    chunks: ['{"a":"ü"}'],
    cookies: [],
  });
  expect(await response.text()).toBe('{"a":"ü"}');
  expect(await response.json()).toEqual({ a: 'ü' });
});

const chunks = ['a', 'b'].map((text) => Buffer.from(text));
test.each([
  ['what is made as it is written', () => new StreamResponse(ReadableStream.from(chunks), { headers })],
  ['a stream', () => new Response(ReadableStream.from(chunks), { headers })],
])('%s goes out chunk by chunk', async (_, response) => {
  expect(await written(response())).toEqual({ status: 200, headers, chunks, cookies: [] });
  expect(await response().text()).toBe('ab');
});

test('nothing goes out of a response without a body', async () => {
  expect(await written(new Response(null, { status: 204 }))).toEqual({
    status: 204,
    headers: {},
    chunks: [],
    cookies: [],
  });
});
