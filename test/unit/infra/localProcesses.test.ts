import { expect, test } from 'vitest';
import { portsFor } from '../../../infra/local/defaults.ts';
import { issuerOptions } from '../../../infra/local/options.ts';
import { groundProcesses } from '../../../infra/local/processes.ts';

const issuerOf = (settings: Readonly<Record<string, string>>) => {
  const place = {
    ports: portsFor(100),
    dataDir: '/data',
    appRoot: '/app',
    state: { kind: 'tables', reason: 'this is a test' },
    settings,
    settingsOf: {},
  } as const;
  const issuer = groundProcesses(place).find(({ name }) => name === 'issuer');
  const [, , ...args] = issuer?.command ?? [];
  return issuerOptions(args);
};

test('the issuer sends people back to the apps of this start', () => {
  expect(issuerOf({}).apps).toEqual({
    mcp: 'http://127.0.0.1:8101',
    management: 'http://127.0.0.1:8100',
  });
});

test('also where the environment moves an app to another origin', () => {
  const tunnel = 'https://gateway.example';
  expect(issuerOf({ MREG_PUBLIC_ORIGIN: tunnel }).apps.mcp).toBe(tunnel);
});
