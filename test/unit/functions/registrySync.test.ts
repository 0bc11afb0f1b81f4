import { beforeEach, describe, expect, test } from 'vitest';
import { serve } from '../../../functions/http/serve.ts';
import { registrySyncRoutes } from '../../../functions/management/registrySync.ts';
import { openAudit } from '../../../shared/audit/journal/audit.ts';
import { systemClock } from '../../../shared/platform/base/clock.ts';
import { InfrastructureError } from '../../../shared/platform/base/errors.ts';
import { fail } from '../../../shared/platform/base/result.ts';
import { azureTableStateStore } from '../../../shared/platform/state/azureTableStateStore.ts';
import { azureTableRegistrySyncStore } from '../../../shared/registry/sync/azureTableRegistrySyncStore.ts';
import type { UpstreamRegistry } from '../../../shared/registry/sync/syncRegistry.ts';
import { azureTableVersionStore } from '../../../shared/registry/versions/azureTableVersionStore.ts';
import { callerTenant, fakeHttpDeps } from '../../support/httpDeps.ts';
import { memoryTables } from '../../support/memoryTables.ts';
import { memoryTrail } from '../../support/memoryTrail.ts';

const ours: UpstreamRegistry = {
  tenantId: callerTenant,
  baseUrl: 'https://registry.example.com/r/secret-12',
};

let away: boolean;
beforeEach(() => {
  away = false;
});

/** The routes, with an upstream registry that cannot be reached. */
function api(upstreamRegistry: UpstreamRegistry | undefined) {
  const http = fakeHttpDeps();
  const trail = memoryTrail(() => {
    if (away) throw new InfrastructureError('tables', 'test', undefined);
  }).store;
  const audit = openAudit({ store: trail, clock: systemClock, newId: http.newId, log: http.log });
  const open = memoryTables();
  const called: string[] = [];
  const routes = registrySyncRoutes({
    upstreamRegistry,
    versions: azureTableVersionStore(open),
    syncs: azureTableRegistrySyncStore(open),
    shortLived: azureTableStateStore(open, systemClock).state,
    clock: systemClock,
    log: http.log,
    audit,
    outbound: {
      request: ({ url }) => {
        called.push(url);
        return Promise.resolve(fail({ kind: 'unavailable', message: 'connection refused' }));
      },
      close: () => Promise.resolve(),
    },
  });
  return {
    called,
    lines: http.lines,
    async call(method: 'GET' | 'POST', role = 'Admin') {
      const route = routes.find((one) => one.method === method);
      if (!route) throw new Error(`no route for ${method}`);
      const headers = { authorization: `Bearer ${role}` };
      const request = new Request(`https://gateway.example/${route.path}`, { method, headers });
      const response = await serve(route, http)(request);
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    },
    async audited() {
      await audit.flush();
      const { rows } = await trail.records(callerTenant, {}, 100);
      return rows
        .map(({ document }) => document as { action: string; resource: string; outcome: string })
        .map(({ action, resource, outcome }) => `${action} ${resource} ${outcome}`);
    },
  };
}

describe('a sync', () => {
  test('that was never run says so, by the host of the registry', async () => {
    expect(await api(ours).call('GET')).toEqual({
      status: 200,
      body: { source: 'registry.example.com', state: 'not_run' },
    });
  });

  test('answers with its figures, which are read again, and is in the audit trail', async () => {
    const registry = api(ours);
    const run = await registry.call('POST');
    expect(run).toMatchObject({
      status: 200,
      body: {
        source: 'registry.example.com',
        state: 'failed',
        pages: 0,
        published: 0,
        updated: 0,
        unchanged: 0,
        skipped: 0,
        error: { kind: 'unavailable', message: 'connection refused' },
        next: {},
      },
    });
    expect(await registry.call('GET', 'Auditor')).toEqual(run);
    expect(await registry.audited()).toEqual([
      'registry-sync.run registry-sync succeeded',
      'registry-sync.run registry-sync begun',
    ]);
  });

  test('keeps the URL of the registry, which may hold a secret, to itself', async () => {
    const registry = api(ours);
    const answers = [await registry.call('POST'), await registry.call('GET')];
    expect(registry.called).toEqual([expect.stringContaining('/r/secret-12/v0.1/servers?')]);
    expect(JSON.stringify([answers, registry.lines])).not.toContain('secret');
  });

  test('does not begin when it cannot be recorded', async () => {
    const registry = api(ours);
    away = true;
    expect((await registry.call('POST')).status).toBe(503);
    expect(registry.called).toEqual([]);
  });

  test.each([
    ['no registry is in the settings', undefined],
    ['the registry is another tenant’s', { ...ours, tenantId: '22222222-2222-4222-8222-222222222222' }],
  ])('is a 404 where %s', async (_, upstream) => {
    const registry = api(upstream);
    for (const method of ['GET', 'POST'] as const) expect((await registry.call(method)).status).toBe(404);
    expect(registry.called).toEqual([]);
  });
});
