import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { httpTriggerMetadata, joinedQuery } from '../../src/bindingData.ts';
import { limitedBody } from '../../src/requestBody.ts';
import { decodePath, encodePath } from '../../src/requestTarget.ts';

describe('the path of a request', () => {
  test.each([
    { raw: '/a%20b', path: '/a b', url: '/a%20b', why: 'a space is decoded and written again' },
    {
      raw: '/n/a%2Fb',
      path: '/n/a%2Fb',
      url: '/n/a%252Fb',
      why: 'an encoded slash is kept, then encoded once more',
    },
    { raw: '/n/a%2fb', path: '/n/a%2fb', url: '/n/a%252fb', why: 'in either case' },
    {
      raw: '/n/a%252Fb',
      path: '/n/a%2Fb',
      url: '/n/a%252Fb',
      why: 'and looks like one that was encoded twice',
    },
    { raw: '/a+b', path: '/a+b', url: '/a+b', why: 'a plus stays' },
    { raw: '/a//b', path: '/a//b', url: '/a//b', why: 'an empty segment stays' },
    { raw: '/%C3%A9/%e2%82%ac', path: '/é/€', url: '/%C3%A9/%E2%82%AC', why: 'UTF-8 is one character' },
    { raw: '/%FF/%zz', path: '/%FF/%zz', url: '/%25FF/%25zz', why: 'what is no escape is kept' },
    { raw: '/a/%2e%2e/b/./c', path: '/b/c', url: '/b/c', why: 'dot segments are resolved, encoded or not' },
    { raw: '/../../a/..', path: '/', url: '/', why: 'and never lead above the root' },
    {
      raw: '/.well-known/x.json',
      path: '/.well-known/x.json',
      url: '/.well-known/x.json',
      why: 'dots in names stay',
    },
  ])('$raw: $why', ({ raw, path, url }) => {
    expect(decodePath(raw)).toBe(path);
    expect(encodePath(path)).toBe(url);
  });
});

describe('what the library makes parameters of', () => {
  const parameters = (source: { route?: Record<string, string>; query?: string; body?: string }) => {
    const metadata = httpTriggerMetadata({
      routeValues: source.route ?? {},
      query: new URLSearchParams(source.query),
      headers: { host: 'example' },
      body: source.body === undefined ? undefined : Buffer.from(source.body),
    });
    return Object.fromEntries(
      Object.entries(metadata).flatMap(([name, data]) =>
        data.string === undefined ? [] : [[name, data.string]],
      ),
    );
  };

  test.each([
    { source: { route: { id: '7' } }, seen: { id: '7' }, why: 'route values' },
    {
      source: { route: { id: '7' }, query: 'Id=UP' },
      seen: { Id: '7' },
      why: 'the route wins under the spelling of the client',
    },
    { source: { query: 'a=1&a=2&b=3' }, seen: { a: '2', b: '3' }, why: 'the last of a repeated query value' },
    { source: { query: 'code=secret&Code=x' }, seen: {}, why: 'never the key of a function' },
    {
      source: { body: '{"s":"x","n":1.5,"t":true,"f":false,"z":null,"o":{},"l":[]}' },
      seen: { s: 'x', n: '1.5', t: 'True', f: 'False' },
      why: 'scalars of a JSON object, as .NET writes them',
    },
    { source: { body: '["a"]' }, seen: {}, why: 'no other JSON' },
    { source: { body: 'id=7' }, seen: {}, why: 'no other body' },
    {
      source: { route: { id: 'r' }, query: 'ID=q', body: '{"iD":"b"}' },
      seen: { iD: 'r' },
      why: 'the first spelling stays',
    },
    {
      source: { query: 'headers=x&QUERY=y' },
      seen: { headers: 'x', QUERY: 'y' },
      why: 'the request itself can be replaced, by a name of any spelling',
    },
  ])('$why', ({ source, seen }) => {
    expect(parameters(source)).toEqual(seen);
  });

  test('a repeated query value is one, with commas, where a request goes as a whole', () => {
    expect(joinedQuery(new URLSearchParams('a=1&b=2&a=3'))).toEqual({ a: '1,3', b: '2' });
  });
});

test('reading a chunked body fails when it grows over 100 MiB, and not before', async () => {
  const mebibyte = Buffer.alloc(1024 * 1024);
  const bodyOf = (count: number) => limitedBody(Readable.from(Array.from({ length: count }, () => mebibyte)));
  const read = async (body: Readable) => {
    let bytes = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) bytes += chunk.length;
    return bytes;
  };
  await expect(read(bodyOf(100))).resolves.toBe(100 * mebibyte.length);
  await expect(read(bodyOf(101))).rejects.toThrow();
});
