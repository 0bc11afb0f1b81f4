import { copyFile, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTopology, type Topology } from '../../infra/local/topology.ts';
import { managementApi } from '../support/managementApi.ts';
import { type TestPlace, testPlace } from '../support/place.ts';
import { type Run, run } from '../support/run.ts';

const root = join(import.meta.dirname, '../..');

let place: TestPlace;
let ground: Topology;
let folder: string;
let hosts: Record<'management' | 'mcp', Run>;

beforeAll(async () => {
  place = await testPlace();
  ground = await startTopology({ ...place, withoutApps: true, build: false });
  folder = await mkdtemp(join(tmpdir(), 'func-start-'));
  await symlink(join(root, 'dist'), join(folder, 'dist'));
  for (const file of ['host.json', 'package.json']) await copyFile(join(root, file), join(folder, file));
  await writeFile(join(folder, 'local.settings.json'), await exampleAt(place.portOffset));
  // What `npm start -- --without-apps` tells to type, with our host in place of Azure's.
  hosts = {
    management: funcStart(place.ports.management),
    mcp: funcStart(place.ports.mcp, { MREG_APP: 'mcp', AzureFunctionsWebHost__hostid: 'mreg-mcp' }),
  };
});
afterAll(async () => {
  for (const { child } of Object.values(hosts)) child.kill();
  for (const { ended } of Object.values(hosts)) expect((await ended).code).toBe(0);
  await ground.stop();
  await place.remove();
  await rm(folder, { recursive: true });
});

/** The example as it stands, save that its ports are those of this place. */
async function exampleAt(portOffset: number): Promise<string> {
  const example = await readFile(join(root, 'local.settings.example.json'), 'utf8');
  return example.replaceAll(/(?<=127\.0\.0\.1:)\d+/g, (port) => String(Number(port) + portOffset));
}

function funcStart(port: number, env: Record<string, string> = {}): Run {
  const host = join(root, 'infra/functions-host/src/main.ts');
  return run(process.execPath, [host, '--port', String(port)], { cwd: folder, env });
}

test('from local.settings.example.json and nothing else both apps start, and work together', async () => {
  for (const [app, host] of Object.entries(hosts)) {
    expect(await host.printed(/\n/), app).toContain('Functions host on');
    expect(host.child.exitCode, app).toBeNull();
  }
  const admin = managementApi(ground.urls.management, await ground.mint({ role: 'Admin' }));
  // Stored by the management app; the mcp app has found, over its queue, that nobody answers there.
  expect(
    await admin.post('/servers?wait=30', { slug: 'nobody', url: 'http://127.0.0.1:9/mcp' }),
  ).toMatchObject({
    status: 422,
    body: { slug: 'nobody', statusReason: expect.stringContaining('refused') as string },
  });
  expect((await fetch(`${ground.urls.mcp}/mcp`, { method: 'POST' })).status).toBe(401);
});
