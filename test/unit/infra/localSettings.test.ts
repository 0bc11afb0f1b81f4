import { describe, expect, test } from 'vitest';
import { defaultTenant, maxPortOffset, portsFor, secondTenant } from '../../../infra/local/defaults.ts';
import { appSettings } from '../../../infra/local/settings.ts';
import infra from '../../../infra/topology.json' with { type: 'json' };
import example from '../../../local.settings.example.json' with { type: 'json' };
import { readConfig } from '../../../shared/platform/config/readConfig.ts';

describe.each(['management', 'mcp'] as const)('settings of the %s app', (app) => {
  test('are what the app reads', () => {
    const config = readConfig(appSettings(app, portsFor(100)));
    expect(config).toMatchObject({
      app,
      tenants: new Set([defaultTenant, secondTenant]),
      publicOrigin: 'http://127.0.0.1:8101',
      localIssuer: 'http://127.0.0.1:8102',
      privateUpstreams: true,
    });
  });

  test('are refused in production', () => {
    const settings = appSettings(app, portsFor(0));
    expect(() => readConfig({ ...settings, AZURE_FUNCTIONS_ENVIRONMENT: 'Production' })).toThrow(
      /MREG_LOCAL_ISSUER.*MREG_PRIVATE_UPSTREAMS.*MREG_SERVICE_BUS/s,
    );
  });
});

test('the example for func start is what npm start gives the management app', () => {
  expect(example.Values).toEqual(appSettings('management', portsFor(0)));
  expect(example.Host.LocalHttpPort).toBe(portsFor(0).management);
  expect(() => readConfig(example.Values)).not.toThrow();
});

test('ports are those of the topology, all different, and all move together', () => {
  const ports = portsFor(0);
  for (const { name, localPort } of infra.apps) expect(ports).toHaveProperty(name, localPort);
  expect(new Set(Object.values(ports)).size).toBe(Object.keys(ports).length);
  expect(Object.values(portsFor(7))).toEqual(Object.values(ports).map((port) => port + 7));
  expect(Math.max(...Object.values(portsFor(maxPortOffset)))).toBe(65_535);
});
