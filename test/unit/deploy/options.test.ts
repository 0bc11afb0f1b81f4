import { resolve } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { deployOptions, smokeOptions } from '../../../infra/deploy/options.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

test('npm run deploy', () => {
  const dataDir = resolve('.local/data');
  expect(deployOptions(['--environment', 'prod'])).toEqual({
    environment: 'prod',
    dryRun: false,
    portOffset: 0,
    dataDir,
  });
  expect(deployOptions(['--environment', 'local', '--dry-run', '--port-offset', '7', '--data', 'x'])).toEqual(
    {
      environment: 'local',
      dryRun: true,
      portOffset: 7,
      dataDir: resolve('x'),
    },
  );
});

test('npm run smoke takes the environment of azd from azd alone', () => {
  vi.stubEnv('AZURE_ENV_NAME', 'prod');
  expect(smokeOptions(['--azd'])).toMatchObject({ environment: 'prod', azd: true });
  expect(() => smokeOptions([])).toThrow(/--environment must name an environment/);
  expect(smokeOptions(['--environment', 'local'])).toMatchObject({ environment: 'local', azd: false });
});

test.each([
  [[], /--environment must name an environment: local, or one of azd/],
  [['--environment', '--help'], /argument is ambiguous/],
  [['--environment', 'a b'], /--environment must name an environment/],
  [['--environment', 'prod', '--port-offset', '7'], /--port-offset and --data are for the environment local/],
  [['--environment', 'prod', '--force'], /Unknown option '--force'.*--environment E \[--dry-run\]/],
])('npm run deploy -- %j is an error', (args, message) => {
  expect(() => deployOptions(args)).toThrow(message);
});
