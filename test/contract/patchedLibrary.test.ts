import { once } from 'node:events';
import http from 'node:http';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  buildSample,
  type BuiltSample,
  type SampleHost,
  startSampleHost,
} from '../../infra/functions-host/test/support/sampleHost.ts';
import { buildPatched } from '../support/buildPatched.ts';

const ENTRY = path.resolve(import.meta.dirname, '../support/patchedApp.ts');

let sample: BuiltSample;
beforeAll(async () => {
  sample = await buildSample({}, { entry: ENTRY, build: buildPatched });
});
afterAll(() => sample.remove());

/** What an app that the build has patched does better than one with the published Functions library. */
describe.each(['direct', 'proxy'] as const)('an app with the patched library, %s', (serving) => {
  let host: SampleHost;
  beforeAll(async () => {
    host = await startSampleHost(sample.root, { args: ['--serving', serving] });
  });
  afterAll(() => host.stop());

  /** Starts `GET /gated`, whose chunks leave when the test says so. */
  const openGated = () => {
    const request = http.get({ port: host.port, host: '127.0.0.1', path: '/gated', agent: false });
    return { request, response: once(request, 'response') as Promise<[http.IncomingMessage]> };
  };
  const release = (chunk: string) => host.send({ path: '/release', method: 'POST', body: chunk });

  test('a function sees the headers of the client, and none of those between host and library', async () => {
    const { body } = await host.send({ path: '/echo', headers: { 'X-One': ['1', '2'], Cookie: 'a=b' } });
    const { headers } = JSON.parse(body) as { headers: Record<string, string> };
    expect(headers).toEqual({ host: `127.0.0.1:${host.port}`, cookie: 'a=b', 'x-one': '1, 2' });
  });

  test.each([false, true])('a function reads the whole body of a request (chunked: %s)', async (chunked) => {
    const sent = 'x'.repeat(300_000);
    const { body } = await host.send({ path: '/echo?a=1', method: 'POST', body: sent, chunked });
    const url = `http://127.0.0.1:${host.port}/echo?a=1`;
    expect(JSON.parse(body)).toMatchObject({ method: 'POST', url, body: sent });
  });

  test('a streamed answer is ended when its client has left', async () => {
    const { request, response } = openGated();
    await host.reported('gated');
    await release('data: 1\n\n');
    const [answer] = await response;
    await once(answer, 'data');
    request.destroy();
    await once(request, 'close');
    // The stream that a function returns may be ended once the chunk is there that it is asked for.
    await release('data: 2\n\n');
    await host.reported('gated was cancelled');
    expect(await host.send({ path: '/native' })).toMatchObject({ status: 418 });
    expect(host.output().stderr).not.toContain('function gated) returned no response');
  });

  test('a function is told that its client has left before it has answered', async () => {
    const request = http.request({ port: host.port, method: 'POST', path: '/abandoned', agent: false });
    const gone = expect(once(request, 'response')).rejects.toThrow('socket hang up');
    request.end('a body that is read to its end');
    await host.reported('abandoned waits');
    request.destroy();
    await gone;
    await host.reported('abandoned was told');
    expect(await host.send({ path: '/native' })).toMatchObject({ status: 418 });
    expect(host.output().stderr).not.toContain('function abandoned) returned no response');
  });

  test('a streamed answer is not begun when its client has left before the first chunk', async () => {
    const { request, response } = openGated();
    await host.reported('gated');
    const gone = expect(response).rejects.toThrow('socket hang up');
    request.destroy();
    await gone;
    await release('data: 1\n\n');
    await host.reported('gated was cancelled');
    expect(await host.send({ path: '/native' })).toMatchObject({ status: 418 });
  });
});
