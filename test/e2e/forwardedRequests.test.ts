import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type SampleHost, startSampleHost } from '../../infra/functions-host/test/support/sampleHost.ts';
import { appSettings } from '../../infra/local/settings.ts';
import { sendRaw } from '../support/rawHttp.ts';
import { type SharedTopology, useSharedTopology } from '../support/sharedTopology.ts';

/** The mcp app as it is deployed, behind a hop over TCP as on Azure. */
let topology: SharedTopology;
let host: SampleHost;
let token: string;
beforeAll(async () => {
  topology = await useSharedTopology({ as: 'operator' });
  token = await topology.mint({ role: 'User' });
  host = await startSampleHost(join(import.meta.dirname, '../..'), {
    args: ['--serving', 'proxy'],
    env: appSettings('mcp', topology.ports),
  });
});
afterAll(async () => {
  await host.stop();
  await topology.stop();
});

const ping = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });
const post = (query: string, body: string, ...headers: string[]) =>
  [
    `POST /mcp${query} HTTP/1.1`,
    `Host: 127.0.0.1:${topology.ports.mcp}`,
    'Accept: application/json, text/event-stream',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers,
    '',
    body,
  ].join('\r\n');
const known = () => [`Authorization: Bearer ${token}`, 'Content-Type: application/json'];

test('a call of a known user is answered', async () => {
  expect(await sendRaw(host.port, post('', ping, ...known()))).toMatchObject({ status: 200 });
});

test('a token in a query or in a body is none, and a name there hides none', async () => {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const query = `?Headers=${encodeURIComponent(JSON.stringify(headers))}`;
  const typed = 'Content-Type: application/json';
  const inBody = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping', Headers: JSON.stringify(headers) });
  expect((await sendRaw(host.port, post(query, ping, typed))).status).toBe(401);
  expect((await sendRaw(host.port, post('', inBody, typed))).status).toBe(401);
  expect((await sendRaw(host.port, post('?headers=1', ping, ...known()))).status).toBe(200);
  expect(
    (await sendRaw(host.port, post(query, ping, ...known(), 'Origin: https://evil.example'))).status,
  ).toBe(403);
});

test.each([
  { why: '20 KB of headers', header: `X-Long: ${'x'.repeat(20_000)}` },
  { why: 'a control character in a value', header: 'X-N: a\u0001b' },
  { why: 'an expectation', header: 'Expect: x' },
])('$why is answered at once', async ({ header }) => {
  const reply = await sendRaw(host.port, post('', ping, header));
  expect(reply.status).toBe(400);
  expect(JSON.parse(reply.body)).toMatchObject({ status: 400, kind: 'bad_request' });
});

test('a chunked body over the bound is 413', async () => {
  const head = post('', '', ...known(), 'Transfer-Encoding: chunked').replace('Content-Length: 0\r\n', '');
  const chunk = `100000\r\n${' '.repeat(0x10_0000)}\r\n`;
  const reply = await sendRaw(host.port, `${head}${chunk.repeat(3)}0\r\n\r\n`);
  expect(reply.status).toBe(413);
  expect(JSON.parse(reply.body)).toMatchObject({ error: { code: -31413 } });
});
