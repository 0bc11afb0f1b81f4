import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { gatewayClient } from '../../infra/deploy/gatewayClient.ts';
import { countFunctions } from '../../infra/deploy/packageFunctions.ts';
import type { GatewayAccess } from '../../infra/deploy/target.ts';
import { testPackages } from '../support/deployment/packages.ts';

type Answer = (response: ServerResponse, url: string) => unknown;

let close: (() => void) | undefined;
afterEach(() => close?.());

/** A gateway that answers so. It counts its requests. */
async function gatewayThat(answer: Answer) {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(request.url ?? '');
    if (request.url === '/health') response.end('{"status":"up"}');
    else answer(response, request.url ?? '');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  close = () => {
    server.close();
    server.closeAllConnections();
  };
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const access: GatewayAccess = {
    origins: { mcp: origin, management: origin },
    token: () => Promise.resolve('t'),
    countFunctions: () => Promise.resolve(0),
    settlesWithinMs: 0,
  };
  return { client: gatewayClient(access, new AbortController().signal), seen };
}
const json =
  (body: unknown): Answer =>
  (response) =>
    response.end(JSON.stringify(body));

test.each([
  ['of no app', []],
  ['of one app', [{ app: 'mcp', answers: true, instances: [{ build: 'b' }] }]],
])('a gateway that tells the builds %s does not run the build', async (_, apps) => {
  const { client } = await gatewayThat(json({ state: 'succeeded', result: { facts: { apps } } }));
  await expect(client.waitForBuild('b')).rejects.toThrow(/no instance of the \w+ app has registered/);
});

test('an answer without an end is not read to its end', async () => {
  const { client } = await gatewayThat((response) => {
    const chunk = Buffer.alloc(1_048_576, ' ');
    const fill = (): void => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on('drain', fill);
    fill();
  });
  await expect(client.runGate('pre_deployment')).rejects.toThrow(/answered with more than \d+ bytes/);
});

test('what a gateway says cannot write to the terminal, and is cut', async () => {
  const { client } = await gatewayThat((response) =>
    response.writeHead(500).end(JSON.stringify({ detail: `\u001b[2J\n::error::${'x'.repeat(10_000)}` })),
  );
  const failed = await client.runGate('pre_deployment').catch(String);
  expect(failed).toMatch(/status 500: {1,2}\[2J ::error::x+$/);
  expect(String(failed).length).toBeLessThan(500);
});

test('a gateway that says at once that a gate still runs is asked again after a pause', async () => {
  let asked = 0;
  const { client, seen } = await gatewayThat((response) => {
    const status = ++asked > 2 ? 'passed' : 'running';
    response.end(JSON.stringify({ id: '../../servers?x', status }));
  });
  const startedAt = performance.now();
  await client.runGate('pre_deployment');
  expect(performance.now() - startedAt).toBeGreaterThan(1_500);
  expect(seen.at(-1)).toBe('/quality-gates/pre_deployment/runs/..%2F..%2Fservers%3Fx?wait=30');
});

test('the token does not follow a redirect', async () => {
  const { client, seen } = await gatewayThat((response) =>
    response.writeHead(307, { location: '/elsewhere' }).end(),
  );
  await expect(client.raiseEvent('deployment_status', {}, 'k')).rejects.toThrow('status 307');
  expect(seen).toEqual(['/events']);
});

test('a package that hangs when it starts is given up', async () => {
  const packages = await testPackages();
  try {
    const folder = await packages.make('hangs');
    await writeFile(
      join(folder, 'dist/main.js'),
      'setInterval(() => {}, 1000); await new Promise(() => {});',
    );
    await expect(countFunctions(folder, 'mcp', { withinMs: 2_000 })).rejects.toThrow(
      /does not start as the mcp app/,
    );
  } finally {
    await packages.remove();
  }
});
