import type { App } from '../../shared/platform/config/config.ts';
import type { KnownInstance } from '../../shared/platform/telemetry/instances.ts';
import type { RunningApp } from '../../shared/specialists/mcp-deployment-specialist/runningApps.ts';

/** An instance on Azure, of the build that all others run too. */
export const instance = (app: App, more: Partial<KnownInstance> = {}): KnownInstance => ({
  id: `${app}-1`,
  app,
  version: '1.0.0',
  build: 'aaaa',
  node: '24.1.0',
  host: 'azure',
  startedAt: '2026-01-01T00:00:00.000Z',
  seenAt: '2026-01-01T00:01:00.000Z',
  settings: { MREG_APP: app, MREG_TENANTS: 't' },
  keyId: 'k',
  unknownSettings: [],
  developmentOnly: [],
  ...more,
});

/** Both apps, each with these instances; one of each where none are given. */
export const runningApps = (
  management: readonly KnownInstance[] = [instance('management')],
  mcp: readonly KnownInstance[] = [instance('mcp')],
): readonly RunningApp[] => [
  { app: 'management', answers: true, instances: management },
  { app: 'mcp', answers: true, instances: mcp },
];
