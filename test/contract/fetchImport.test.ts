import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../shared/platform/base/clock.ts';
import { openOutboundClient } from '../../shared/platform/outbound/outboundClient.ts';
import { fetchImport } from '../../shared/registry/import/fetchImport.ts';
import { type FakeRegistry, startFakeRegistry, upstreamEntry } from '../support/fakeRegistry.ts';
import { serve, type Served } from '../support/serve.ts';
import { serverJson } from '../support/serverJson.ts';

const outbound = openOutboundClient('private_allowed');
afterAll(() => outbound.close());

let served: Served | undefined;
let registry: FakeRegistry;
beforeEach(async () => {
  registry = await startFakeRegistry('/base');
});
afterEach(async () => {
  await registry.close();
  await served?.close();
  served = undefined;
});

/** The URL of a document. */
async function document(answer: (response: ServerResponse, path: string) => void): Promise<string> {
  served = await serve((request, response) => {
    answer(response, request.url ?? '');
  });
  return served.url;
}
const from = (url: string, through = outbound) => fetchImport(url, { outbound: through, clock: systemClock });
const named = (name: string) => upstreamEntry({ name: `com.example/${name}` });
const slugs = async (url: string) => {
  const read = await from(url);
  return read.ok ? read.value.registrations.map(({ slug }) => slug) : read.error;
};

describe('an import from a URL', () => {
  test('reads an mcp.json', async () => {
    const url = await document((response) => {
      response.end('\ufeff{"servers":{"stock":{"url":"https://mcp.example.com/mcp"}}}');
    });
    expect(await slugs(url)).toEqual(['stock']);
  });

  test('reads a server.json', async () => {
    const url = await document((response) => response.end(JSON.stringify(serverJson())));
    expect(await slugs(url)).toEqual(['com-example-inventory']);
  });

  test.each(['', '/'])('reads all pages of a registry at its base URL%s', async (slash) => {
    registry.pages = [[named('a')], [], [named('b'), named('c')]];
    expect(await slugs(registry.url + slash)).toEqual(['com-example-a', 'com-example-b', 'com-example-c']);
    expect(registry.asked.map((query) => Object.fromEntries(query))).toEqual([
      { limit: '100', version: 'latest' },
      { limit: '100', version: 'latest', cursor: 'page-1' },
      { limit: '100', version: 'latest', cursor: 'page-2' },
    ]);
  });

  test('reads all pages of a list as it was asked for', async () => {
    registry.pages = [[named('a')], [named('b')]];
    expect(await slugs(`${registry.url}/v0.1/servers?search=x`)).toEqual(['com-example-a', 'com-example-b']);
    expect(registry.asked.map((query) => Object.fromEntries(query))).toEqual([
      { search: 'x' },
      { search: 'x', cursor: 'page-1' },
    ]);
  });

  test('reads the registry of a site whose front page is none', async () => {
    const url = await document((response, path) => {
      if (path.startsWith('/mcp/v0.1/servers')) response.end(JSON.stringify({ servers: [named('a')] }));
      else response.setHeader('content-type', 'text/html').end('<html>');
    });
    expect(await slugs(url)).toEqual(['com-example-a']);
  });

  test('ends with pages that lead in a circle, and takes nothing of them', async () => {
    registry.instead = (_, response) => {
      response.end(JSON.stringify({ servers: [named('a')], metadata: { nextCursor: 'x' } }));
      return true;
    };
    expect(await from(registry.url)).toMatchObject({ ok: false, error: { kind: 'too_large' } });
    expect(registry.asked).toHaveLength(20);
  });

  test('takes nothing of a registry that fails midway', async () => {
    registry.pages = [[named('a')], [named('b')]];
    registry.instead = (query, response) => {
      if (!query.has('cursor')) return false;
      response.writeHead(500).end();
      return true;
    };
    expect(await slugs(registry.url)).toEqual({
      kind: 'unavailable',
      message: `${registry.url} cannot be imported: it answered HTTP 500`,
    });
  });

  test('that fails names the URL without its secrets', async () => {
    const url = await document((response) => response.writeHead(500).end());
    const { host } = new URL(url);
    const failed = await from(`http://canary-1:canary-2@${host}/mcp.json?key=canary-3#canary-4`);
    expect(failed).toMatchObject({
      error: { kind: 'invalid', message: expect.stringContaining(`http://${host}/mcp.json `) as string },
    });
    expect(await from('data:application/json,{"k":"canary-5"}')).toMatchObject({
      error: { kind: 'invalid', message: 'must use https or http' },
    });
    const token = `ghp_${'a1B2'.repeat(9)}`;
    const refused = await from(`${url}/${token}/mcp.json?key=canary-3`);
    expect(refused).toMatchObject({
      error: {
        kind: 'unavailable',
        message: `${url}/[hidden]/mcp.json cannot be imported: it answered HTTP 500`,
      },
    });
    expect(JSON.stringify([failed, refused])).not.toMatch(/canary|ghp_/);
  });

  test.each<[string, (response: ServerResponse) => void, object]>([
    [
      'is not there',
      (response) => response.writeHead(404).end(),
      { kind: 'invalid', message: expect.stringMatching(/: it answered HTTP 404$/) as string },
    ],
    [
      'is no JSON',
      (response) => response.end('canary-3'),
      { kind: 'unavailable', message: expect.stringMatching(/: it answered, but the document/) as string },
    ],
    ['is of another kind', (response) => response.end('{"a":"canary-3"}'), { kind: 'invalid' }],
    [
      'is elsewhere',
      (response) => response.writeHead(302, { location: '/elsewhere' }).end(),
      { kind: 'unavailable' },
    ],
    ['has no end', (response) => response.end(Buffer.alloc(5 * 1024 * 1024, ' ')), { kind: 'too_large' }],
  ])('of a document that %s fails, and quotes nothing', async (_, answer, error) => {
    const asked: string[] = [];
    const url = await document((response, path) => {
      asked.push(path);
      answer(response);
    });
    const failed = await from(url);
    expect(failed).toMatchObject({ ok: false, error });
    expect(JSON.stringify(failed)).not.toContain('canary');
    expect(asked).not.toContain('/elsewhere');
  });

  test.each([
    ['http://127.0.0.1:1/', 'https'],
    ['https://10.0.0.5/mcp.json', 'private'],
    ['file:///etc/passwd', 'https'],
    ['mcp.json', 'absolute URL'],
  ])('calls no address that the gateway may not call: %s', async (url, reason) => {
    const guarded = openOutboundClient('public');
    const refused = await from(url, guarded);
    expect(refused).toMatchObject({ ok: false, error: { kind: 'invalid' } });
    expect(!refused.ok && refused.error.message).toContain(reason);
    await guarded.close();
  });
});
