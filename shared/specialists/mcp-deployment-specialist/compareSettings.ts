import { nearestName } from '../../orchestration/model/unknownName.ts';
import { type SettingName, settingNames, settings } from '../../platform/config/settings.ts';
import type { KnownInstance } from '../../platform/telemetry/instances.ts';
import { defineFindings, type Finding, type Severity } from '../finding.ts';
import type { RunningApp } from './runningApps.ts';

const finding = defineFindings({
  setting_differs: ({
    severity,
    why,
    ...evidence
  }: {
    severity: Severity;
    why: string;
    setting: SettingName;
    management: string;
    mcp: string;
  }) => ({
    severity,
    message: `${evidence.setting} differs between the apps: ${why}`,
    evidence,
    remedy: `Set ${evidence.setting} to the same value in both apps, and restart the one that was changed.`,
  }),
  settings_not_comparable: {
    severity: 'warning',
    message: 'the apps run packages of different builds, so the values of their settings cannot be compared',
    remedy: 'Build once, and deploy that package to both apps.',
  },
  setting_unknown: ({ setting, app }: { setting: string; app: string }) => {
    const nearest = nearestName(setting, settingNames);
    return {
      severity: 'warning',
      message: `${setting} is set in the ${app} app, which has no such setting`,
      remedy:
        nearest === undefined
          ? `Remove ${setting}.`
          : `Rename it to ${nearest} if that is meant, else remove it.`,
    };
  },
});

/** In which apps a setting is set, and whether both have the same value. Never the value itself. */
interface SettingFacts {
  readonly management: 'set' | 'absent' | 'unknown';
  readonly mcp: 'set' | 'absent' | 'unknown';
  /** `unknown`: one of the apps does not run, or the two are of different builds. */
  readonly equal: 'yes' | 'no' | 'unknown' | 'need_not_be';
}

type Pair = readonly [KnownInstance | undefined, KnownInstance | undefined];

/** The instance that started last stands for its app; other instances that differ are drift. */
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

/** Says what is wrong with the settings of the two apps, by name and never by value. */
export function settingFindings(running: readonly RunningApp[]): readonly Finding[] {
  const pair = pairOf(running);
  const [management, mcp] = pair;
  return [
    ...settingNames.flatMap((setting) => {
      const policy = settings[setting].ifDifferent;
      if (!policy || equality(setting, pair) !== 'no') return [];
      const where = { management: presence(setting, management), mcp: presence(setting, mcp) };
      return [
        finding('setting_differs', { severity: policy.severity, why: policy.effect, setting, ...where }),
      ];
    }),
    ...(management && mcp && management.keyId !== mcp.keyId
      ? [finding('settings_not_comparable', { management: management.build, mcp: mcp.build })]
      : []),
    ...pair.flatMap((instance) =>
      instance
        ? instance.unknownSettings.map((setting) =>
            finding('setting_unknown', { setting, app: instance.app }),
          )
        : [],
    ),
  ];
}
