import { describe, expect, test } from 'vitest';
import { settingNames } from '../../../../shared/platform/config/settings.ts';
import {
  settingFacts,
  settingFindings,
} from '../../../../shared/specialists/mcp-deployment-specialist/compareSettings.ts';
import { instance, runningApps } from '../../../support/instances.ts';

const differ = (setting: string, one: string | undefined, other: string | undefined) =>
  settingFindings(
    runningApps(
      [instance('management', { settings: { MREG_APP: 'a', ...(one && { [setting]: one }) } })],
      [instance('mcp', { settings: { MREG_APP: 'b', ...(other && { [setting]: other }) } })],
    ),
  ).map(({ rule, evidence }) => [rule, evidence]);

/** Each app has an identity of its own. */
const ownOfEachApp = ['MREG_APP', 'AZURE_CLIENT_ID', 'MREG_SERVICE_BUS__clientId'];

describe('settings', () => {
  test('that are equal are no finding', () => {
    expect(settingFindings(runningApps())).toEqual([]);
  });

  test.each(ownOfEachApp)('%s may differ between the apps', (setting) => {
    expect(settingFacts(runningApps())[setting]?.equal).toBe('need_not_be');
    expect(differ(setting, 'x', 'y')).toEqual([]);
  });

  test.each(settingNames.filter((name) => !ownOfEachApp.includes(name)))(
    '%s is a finding if its value differs between the apps, or if one app alone has it',
    (setting) => {
      expect(differ(setting, 'x', 'y')).toEqual([
        ['setting_differs', { setting, management: 'set', mcp: 'set' }],
      ]);
      expect(differ(setting, 'x', undefined)).toEqual([
        ['setting_differs', { setting, management: 'set', mcp: 'absent' }],
      ]);
    },
  );

  test('of different builds are compared by their presence only, which is a finding', () => {
    const apart = runningApps(
      [instance('management', { settings: { MREG_TENANTS: 'x', MREG_REDIS_URL: 'r' } })],
      [instance('mcp', { keyId: 'other', build: 'bbbb', settings: { MREG_TENANTS: 'y' } })],
    );
    expect(settingFindings(apart).map(({ rule, evidence }) => [rule, evidence['setting']])).toEqual([
      ['setting_differs', 'MREG_REDIS_URL'],
      ['settings_not_comparable', undefined],
    ]);
    expect(settingFacts(apart)['MREG_TENANTS']?.equal).toBe('unknown');
  });

  test('of an app that does not run are unknown', () => {
    const alone = runningApps(undefined, []);
    expect(settingFindings(alone)).toEqual([]);
    expect(settingFacts(alone)['MREG_TENANTS']).toEqual({
      management: 'set',
      mcp: 'unknown',
      equal: 'unknown',
    });
  });

  test('that do not exist are named, with the nearest existing one', () => {
    const found = settingFindings(
      runningApps([instance('management', { unknownSettings: ['MREG_TENANT', 'MREG_Z'] })]),
    );
    expect(found.map(({ rule, remedy }) => [rule, remedy])).toEqual([
      ['setting_unknown', 'Rename it to MREG_TENANTS if that is meant, else remove it.'],
      ['setting_unknown', 'Remove MREG_Z.'],
    ]);
  });
});
