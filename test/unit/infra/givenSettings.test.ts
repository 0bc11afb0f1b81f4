import { expect, test } from 'vitest';
import { givenSettings } from '../../../infra/local/givenSettings.ts';
import { settingNames } from '../../../shared/platform/config/settings.ts';

test('every setting of the environment reaches the apps, except those that only the start knows', () => {
  const env = Object.fromEntries(settingNames.map((name) => [name, 'given']));
  const { settings, problems } = givenSettings({ ...env, PATH: '/bin' });
  const kept = [
    'MREG_APP',
    'MREG_SERVICE_BUS__fullyQualifiedNamespace',
    'MREG_SERVICE_BUS__credential',
    'MREG_SERVICE_BUS__clientId',
  ];
  expect(Object.keys(settings)).toEqual(settingNames.filter((name) => !kept.includes(name)));
  expect(problems.map((problem) => problem.split(' ')[0]).toSorted()).toEqual(kept.toSorted());
});

test('an environment without settings gives none, and no problem', () => {
  expect(givenSettings({ PATH: '/bin' })).toEqual({ settings: {}, problems: [] });
});

test.each([
  {
    why: 'near to a setting',
    name: 'MREG_TENANT',
    says: 'MREG_TENANT is no setting, so no app uses it. Did you mean MREG_TENANTS?',
  },
  {
    why: 'unlike every setting',
    name: 'MREG_COLOUR_OF_THE_SKY',
    says: 'MREG_COLOUR_OF_THE_SKY is no setting, so no app uses it. docs/configuration.md lists the settings.',
  },
])('a name $why is told in one line, without its value', ({ name, says }) => {
  expect(givenSettings({ [name]: 'secret' })).toEqual({ settings: {}, problems: [says] });
});
