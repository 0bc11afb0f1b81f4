import { nearestName } from '../../orchestration/model/unknownName.ts';
import { type SettingName, settingNames, settings } from '../../platform/config/settings.ts';
import type { KnownInstance } from '../../platform/telemetry/instances.ts';
import type { Finding } from '../finding.ts';
import type { RunningApp } from './runningApps.ts';

/** Of each setting: in which app it is set, and whether both have the same value. Never a value. */
export interface SettingFacts {
  readonly management: 'set' | 'absent' | 'unknown';
  readonly mcp: 'set' | 'absent' | 'unknown';
  /** `unknown`: one of the apps is not there, or the two were built apart. */
  readonly equal: 'yes' | 'no' | 'unknown' | 'need_not_be';
}

type Pair = readonly [KnownInstance | undefined, KnownInstance | undefined];

/** Of each app the instance that started last speaks for all; those that differ from it are a drift. */
const pairOf = (running: readonly RunningApp[]): Pair => [
  running.find(({ app }) => app === 'management')?.instances[0],
  running.find(({ app }) => app === 'mcp')?.instances[0],
];

function equality(setting: SettingName, [one, other]: Pair): SettingFacts['equal'] {
  if (settings[setting].ifDifferent === undefined) return 'need_not_be';
  if (!one || !other) return 'unknown';
  const [print, otherPrint] = [one.settings[setting], other.settings[setting]];
  if (print === undefined || otherPrint === undefined) return print === otherPrint ? 'yes' : 'no';
  if (one.keyId !== other.keyId) return 'unknown';
  return print === otherPrint ? 'yes' : 'no';
}

const presence = (setting: SettingName, instance: KnownInstance | undefined): SettingFacts['mcp'] =>
  instance === undefined ? 'unknown' : instance.settings[setting] === undefined ? 'absent' : 'set';

export function settingFacts(running: readonly RunningApp[]): Readonly<Record<string, SettingFacts>> {
  const pair = pairOf(running);
  return Object.fromEntries(
    settingNames.map((setting): [string, SettingFacts] => [
      setting,
      {
        management: presence(setting, pair[0]),
        mcp: presence(setting, pair[1]),
        equal: equality(setting, pair),
      },
    ]),
  );
}

/** What is wrong with the settings of the two apps, by name and never by value. */
export function settingFindings(running: readonly RunningApp[]): readonly Finding[] {
  const pair = pairOf(running);
  return [
    ...settingNames.flatMap((setting) => differingSetting(setting, pair)),
    ...incomparable(pair),
    ...pair.flatMap((instance) => unknownSettings(instance)),
  ];
}

function differingSetting(setting: SettingName, pair: Pair): readonly Finding[] {
  const { ifDifferent } = settings[setting];
  if (!ifDifferent || equality(setting, pair) !== 'no') return [];
  const [management, mcp] = pair.map((instance) => presence(setting, instance));
  return [
    {
      rule: 'setting_differs',
      severity: ifDifferent.severity,
      message: `${setting} differs between the apps: ${ifDifferent.effect}`,
      evidence: { setting, management, mcp },
      remedy: `Give ${setting} the same value in both apps, and restart the one that was changed.`,
    },
  ];
}

function incomparable([one, other]: Pair): readonly Finding[] {
  if (!one || !other || one.keyId === other.keyId) return [];
  return [
    {
      rule: 'settings_not_comparable',
      severity: 'warning',
      message:
        'the apps run packages that were built apart, so that the values of their settings cannot be compared',
      evidence: { management: one.build, mcp: other.build },
      remedy: 'Build once, and deploy that package to both apps.',
    },
  ];
}

const unknownSettings = (instance: KnownInstance | undefined): readonly Finding[] =>
  (instance?.unknownSettings ?? []).map((name): Finding => {
    const nearest = nearestName(name, settingNames);
    return {
      rule: 'setting_unknown',
      severity: 'warning',
      message: `${name} is set in the ${instance?.app ?? ''} app, which has no such setting`,
      evidence: { setting: name, app: instance?.app },
      remedy:
        nearest === undefined
          ? `Remove ${name}.`
          : `Rename it to ${nearest} if that is meant, else remove it.`,
    };
  });
