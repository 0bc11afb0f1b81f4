import { expect, test, vi } from 'vitest';
import { entraOptions, isOfUser, readEntraSettings } from '../../../infra/entra/settings.ts';
import { LocalError } from '../../../infra/local/localError.ts';

const id = '11111111-1111-4111-8111-111111111111';
const other = '22222222-2222-4222-8222-222222222222';

test.each([
  { args: ['ensure'], options: { command: 'ensure', dryRun: false, azd: false } },
  { args: ['federate', '--dry-run', '--azd'], options: { command: 'federate', dryRun: true, azd: true } },
  {
    args: ['federate', '--environment', 'dev'],
    options: { command: 'federate', dryRun: false, azd: false, environment: 'dev' },
  },
])('npm run entra -- $args', ({ args, options }) => {
  expect(entraOptions(args)).toEqual(options);
});

test.each([
  { args: [], message: 'must be ensure or federate' },
  { args: ['remove'], message: 'must be ensure or federate' },
  { args: ['ensure', '--force'], message: "Unknown option '--force'" },
  { args: ['ensure', '--azd', '--environment', 'dev'], message: 'leave out --environment' },
  { args: ['ensure', '--environment', '../dev'], message: '--environment must name an environment of azd' },
  { args: ['ensure', '--environment', '-dev'], message: 'argument is ambiguous' },
  { args: ['ensure', 'federate'], message: "Unexpected argument 'federate'" },
])('$args is refused', ({ args, message }) => {
  expect(() => entraOptions(args)).toThrow(LocalError);
  expect(() => entraOptions(args)).toThrow(message);
});

test('a dry run that npm took for itself does not become a real run', () => {
  vi.stubEnv('npm_config_dry_run', 'true');
  expect(() => entraOptions(['ensure'])).toThrow('npm took --dry-run for itself');
});

test.each([
  { settings: {}, ofUser: false, why: 'nothing was made yet' },
  { settings: { MREG_API_CLIENT_ID: id }, ofUser: true, why: 'the user set it' },
  {
    settings: { MREG_API_CLIENT_ID: id, MREG_MANAGED_API_CLIENT_ID: id },
    ofUser: false,
    why: 'it was made here',
  },
  {
    settings: { MREG_API_CLIENT_ID: other, MREG_MANAGED_API_CLIENT_ID: id },
    ofUser: true,
    why: 'the user replaced it',
  },
])('whether the registration is of the user: $why', ({ settings, ofUser }) => {
  expect(isOfUser(readEntraSettings(settings))).toBe(ofUser);
});

test('an empty value is none, and wrong values are told together, without the values', () => {
  expect(readEntraSettings({ MREG_PUBLIC_ORIGIN: '', PATH: '/bin' })).toEqual({});
  const wrong = {
    AZURE_TENANT_ID: 'contoso',
    MREG_PUBLIC_ORIGIN: 'http://canary',
    MREG_IDENTITIES: 'canary',
  };
  expect(() => readEntraSettings(wrong)).toThrow(
    'AZURE_TENANT_ID must be a GUID; MREG_PUBLIC_ORIGIN must be an https origin; MREG_IDENTITIES must be JSON',
  );
  expect(() => readEntraSettings(wrong)).not.toThrow(/canary|contoso/);
});

test('the name of an identity is safe in a path', () => {
  const identities = (name: string) =>
    JSON.stringify([{ name, app: 'mcp', principalId: id, clientId: other }]);
  expect(readEntraSettings({ MREG_IDENTITIES: identities('id-mcp') }).MREG_IDENTITIES).toEqual([
    { name: 'id-mcp', app: 'mcp', principalId: id },
  ]);
  expect(() => readEntraSettings({ MREG_IDENTITIES: identities("a')/x") })).toThrow('MREG_IDENTITIES.0.name');
});
