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

describe('settings', () => {
  test('that are alike are no finding, and MREG_APP is to differ', () => {
    expect(settingFindings(runningApps())).toEqual([]);
    expect(settingFacts(runningApps())['MREG_APP']?.equal).toBe('need_not_be');
  });

  test.each(settingNames.filter((name) => name !== 'MREG_APP'))(
    '%s is named when it has another value in each app, or is set in one alone',
    (setting) => {
      expect(differ(setting, 'x', 'y')).toEqual([
        ['setting_differs', { setting, management: 'set', mcp: 'set' }],
      ]);
      expect(differ(setting, 'x', undefined)).toEqual([
        ['setting_differs', { setting, management: 'set', mcp: 'absent' }],
      ]);
    },
  );

  test('of packages that were built apart are compared by whether they are set, which is said', () => {
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

  test('of an app that is not there are unknown', () => {
    const alone = runningApps(undefined, []);
    expect(settingFindings(alone)).toEqual([]);
    expect(settingFacts(alone)['MREG_TENANTS']).toEqual({
      management: 'set',
      mcp: 'unknown',
      equal: 'unknown',
    });
  });

  test('that there are not are named, with the one that was likely meant', () => {
    const found = settingFindings(
      runningApps([instance('management', { unknownSettings: ['MREG_TENANT', 'MREG_Z'] })]),
    );
    expect(found.map(({ rule, remedy }) => [rule, remedy])).toEqual([
      ['setting_unknown', 'Rename it to MREG_TENANTS if that is meant, else remove it.'],
      ['setting_unknown', 'Remove MREG_Z.'],
    ]);
  });
});
