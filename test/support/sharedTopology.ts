import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { defaultTenant } from '../../infra/local/defaults.ts';
import { demoServers } from '../../infra/local/processes.ts';
import type { ProcessName } from '../../infra/local/topology.ts';
import { managementApi } from './managementApi.ts';
import { startTestTopology, type TestTopology } from './topology.ts';

/** A topology that several test files use one after another, as one of them sees it. */
export interface SharedTopology extends Omit<TestTopology, 'rotateKey'> {
  /** The tenant of tokens that name no other. No other test file uses it. */
  readonly tenant: string;
  /** A second tenant of this test file. */
  readonly otherTenant: string;
  /** Returns all that the processes have written to their logs. */
  logs(): Promise<string>;
  /** Ends the use by this test file: starts what it killed again. */
  stop(): Promise<void>;
}

/** What tests of different files look for. The product has gates and routes of its own beside these. */
const probe = { agent: 'mcp-debugger', task: 'probe' };
const settings = {
  MREG_QUALITY_GATES: JSON.stringify({
    sound: [
      { check: 'first', agent: 'mcp-security-auditor', task: 'probe' },
      { check: 'second', ...probe, severity: 'warning', input: { end: 'not_pass' } },
      { check: 'third', agent: 'fastmcp-specialist', task: 'probe' },
    ],
    broken: [
      { check: 'first', ...probe, input: { end: 'not_pass' } },
      { check: 'second', ...probe },
    ],
    reachable: [{ check: 'first', agent: 'mcp-security-auditor', task: 'probe' }],
  }),
  MREG_EVENT_ROUTES: JSON.stringify({ disk_full: ['mcp-debugger'] }),
};

/** The first tenant of the list operates the gateway. */
const freeTenants = Array.from({ length: 60 }, () => randomUUID());
const tenants = [defaultTenant, ...freeTenants];

/** One for each worker. It ends with the worker. */
let started: Promise<TestTopology> | undefined;

async function start(): Promise<TestTopology> {
  const all = { ...settings, MREG_TENANTS: tenants.join() };
  const topology = await startTestTopology({ demo: true, settings: all });
  // The worker is ended by SIGTERM, which by itself would skip what is to be done at the exit.
  process.once('SIGTERM', () => process.exit());
  process.once('exit', () => {
    rmSync(topology.dataDir, { recursive: true, force: true });
  });
  return topology;
}

/**
 * Returns the topology of this worker, with two tenants that no other test file has. Its settings have gates and event routes
 * for tests. A file that needs other settings, or leaves damage behind, starts its own with `startTestTopology`.
 *
 * `demo`: with the sample servers registered for the tenant. `as: 'operator'`: the tenant is the one that operates the
 * gateway, which other files use too.
 */
export async function useSharedTopology(
  options: { readonly demo?: boolean; readonly as?: 'operator' } = {},
): Promise<SharedTopology> {
  const topology = await (started ??= start());
  const [own, otherTenant] = [freeTenants.shift(), freeTenants.shift()];
  if (own === undefined || otherTenant === undefined) throw new Error('More tenants are needed');
  const tenant = options.as === 'operator' ? defaultTenant : own;
  const killed = new Set<ProcessName>();
  const shared: SharedTopology = {
    ...topology,
    tenant,
    otherTenant,
    mint: (request) => topology.mint({ tenant, ...request }),
    signWith: (claims, request) => topology.signWith(claims, { tenant, ...request }),
    async logs() {
      const folder = join(topology.dataDir, 'logs');
      const files = await readdir(folder);
      return (await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')))).join('\n');
    },
    async kill(name) {
      killed.add(name);
      await topology.kill(name);
    },
    async restart(name) {
      await topology.restart(name);
      killed.delete(name);
    },
    async stop() {
      for (const name of killed) await topology.restart(name);
    },
  };
  if (options.demo && tenant !== defaultTenant) await registerDemoServers(shared);
  return shared;
}

async function registerDemoServers(topology: SharedTopology): Promise<void> {
  const admin = managementApi(topology.urls.management, await topology.mint({ role: 'Admin' }));
  await Promise.all(
    demoServers.map(async ({ slug, title, description }) => {
      const server = { slug, url: topology.urls[slug], title, description };
      expect((await admin.post('/servers?wait=30', server)).body).toMatchObject({ status: 'active' });
    }),
  );
}
