import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../support/freePort.ts';
import { createBrowser, signInTo } from '../support/signInBrowser.ts';
import { startTestTopology, type TestTopology } from '../support/topology.ts';

const suite = resolve(
  import.meta.dirname,
  '../../node_modules/@modelcontextprotocol/conformance/dist/index.js',
);
const client = { name: 'The suite', redirectUris: ['http://127.0.0.1/callback'] };

let topology: TestTopology;
let results: string;
beforeAll(async () => {
  results = await mkdtemp(join(tmpdir(), 'conformance-'));
  topology = await startTestTopology({ settings: { MREG_CLIENTS: JSON.stringify({ suite: client }) } });
});
afterAll(async () => {
  await topology.stop();
  await rm(results, { recursive: true });
});

/** Runs every scenario for authorization servers. Where the suite asks for a browser, a person signs in. */
async function run(args: readonly string[]): Promise<string> {
  const gateway = topology.urls.mcp;
  const common = ['--url', gateway, '--resource', `${gateway}/mcp`, '-p', String(await freePort())];
  const child = spawn(process.execPath, [suite, 'authorization', ...common, ...args, '-o', results], {
    cwd: results,
  });
  const exited = once(child, 'exit');
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (!line.startsWith(`${gateway}/oauth/authorize?`)) continue;
    const asked = { url: new URL(line), verifier: '' };
    await fetch(await signInTo(createBrowser(), gateway, asked));
  }
  await exited;
  return lines.join('\n');
}

// The suite sends no secret to a server that also takes public clients, so it has a public client here.
test('every scenario of the official suite for authorization servers passes', async () => {
  const output = await run(['--client-id', 'suite']);
  for (const scenario of ['authorization-server-metadata-endpoint', 'authorization-code-grant'])
    expect(output).toMatch(new RegExp(`✓ ${scenario}: [1-9]\\d* passed, 0 failed`));
  expect(output).not.toMatch(/✗|[1-9]\d* (failed|skipped|warnings)/);
});
