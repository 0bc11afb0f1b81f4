import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { defaultTenant, defaultUser } from '../../../infra/local/defaults.ts';
import { LocalError } from '../../../infra/local/localError.ts';
import {
  devOptions,
  issuerOptions,
  placeArguments,
  startOptions,
  tokenOptions,
} from '../../../infra/local/options.ts';

const defaults = { demo: false, withoutApps: false, portOffset: 0, dataDir: resolve('.local/data') };

test.each([
  { args: [], options: defaults },
  {
    args: ['--port-offset', '100'],
    options: { ...defaults, portOffset: 100, dataDir: resolve('.local/data-100') },
  },
  {
    args: ['--demo', '--port-offset=7', '--data', 'elsewhere'],
    options: { ...defaults, demo: true, portOffset: 7, dataDir: resolve('elsewhere') },
  },
])('npm start and npm run dev -- $args', ({ args, options }) => {
  expect(startOptions(args)).toEqual(options);
  expect(devOptions(args)).toEqual(options);
});

test('npm start -- --without-apps', () => {
  expect(startOptions(['--without-apps'])).toEqual({ ...defaults, withoutApps: true });
});

test('npm run dev -- --inspect opens an inspector in each app, on a port of its own', () => {
  expect(devOptions(['--inspect'])).toEqual({
    ...defaults,
    settingsOf: {
      management: { NODE_OPTIONS: '--inspect=127.0.0.1:9229' },
      mcp: { NODE_OPTIONS: '--inspect=127.0.0.1:9230' },
    },
  });
});

test.each([
  { args: [], printed: '' },
  { args: ['--port-offset', '100'], printed: ' --port-offset 100' },
  { args: ['--data', '.local/other'], printed: ` --data ${join('.local', 'other')}` },
  {
    args: ['--port-offset', '7', '--data', '/tmp/a b'],
    printed: ` --port-offset 7 --data "${resolve('/tmp/a b')}"`,
  },
])('a command that is printed for npm start -- $args has the same options', ({ args, printed }) => {
  expect(placeArguments(startOptions(args))).toBe(printed);
});

test('a token is for the default user of the default tenant', () => {
  expect(tokenOptions(['--role', 'Auditor'])).toEqual({
    role: 'Auditor',
    tenant: defaultTenant,
    user: defaultUser,
    portOffset: 0,
  });
});

test.each([
  { read: startOptions, args: ['--verbose'], message: /Unknown option '--verbose'.*--demo/ },
  { read: startOptions, args: ['demo'], message: /Unexpected argument 'demo'/ },
  { read: startOptions, args: ['--port-offset'], message: /argument missing/ },
  { read: startOptions, args: ['--port-offset', 'ten'], message: /--port-offset must be a number/ },
  { read: startOptions, args: ['--port-offset', '1.5'], message: /--port-offset must be a number/ },
  { read: startOptions, args: ['--port-offset', '-5'], message: /./ },
  { read: startOptions, args: ['--port-offset', '60000'], message: /from 0 to 55533/ },
  { read: startOptions, args: ['--demo', '--without-apps'], message: /leave out --without-apps/ },
  { read: devOptions, args: ['--without-apps'], message: /Unknown option '--without-apps'.*--demo/ },
  { read: tokenOptions, args: [], message: /--role must be one of Admin, Operator, Auditor, User/ },
  { read: tokenOptions, args: ['--role', 'admin'], message: /--role must be one of/ },
  { read: tokenOptions, args: ['--role', 'User', '--tenant', 'x'], message: /--tenant must be a GUID/ },
  { read: tokenOptions, args: ['--role', 'User', '--user', ''], message: /--user must be a GUID/ },
  { read: issuerOptions, args: ['--port', '99999', '--key-file', 'k'], message: /--port/ },
  { read: issuerOptions, args: ['--port', '1'], message: /--key-file/ },
  { read: issuerOptions, args: ['--port', '1', '--key-file', 'k'], message: /--mcp and --management/ },
])('wrong options are refused in one line: $args', ({ read, args, message }) => {
  const reading = () => read(args);
  expect(reading).toThrow(LocalError);
  expect(reading).toThrow(message);
  expect(reading).not.toThrow(/\n/);
});
