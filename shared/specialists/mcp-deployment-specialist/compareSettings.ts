import type { z } from 'zod';
import { nearestName } from '../../orchestration/model/unknownName.ts';
import { type SettingName, settingNames } from '../../platform/config/settings.ts';
import type { KnownInstance } from '../../platform/telemetry/instances.ts';
import type { Finding, severitySchema } from '../finding.ts';
import type { RunningApp } from './runningApps.ts';

type Severity = z.infer<typeof severitySchema>;

/** What it does when a setting differs between the two apps; undefined where it is to differ. */
const differing: Readonly<
  Record<SettingName, { readonly severity: Severity; readonly why: string } | undefined>
> = {
  MREG_APP: undefined,
  MREG_TABLES: { severity: 'critical', why: 'each app would keep a registry of its own' },
  MREG_SERVICE_BUS: { severity: 'critical', why: 'what one app delegates would not reach the other' },
  MREG_SERVICE_BUS__fullyQualifiedNamespace: {
    severity: 'critical',
    why: 'what one app delegates would not reach the other',
  },
  MREG_REDIS_URL: { severity: 'critical', why: 'sessions and limits of one app are unknown to the other' },
  MREG_API_CLIENT_ID: { severity: 'critical', why: 'a token that one app takes, the other refuses' },
  MREG_CLIENT_SECRET: {
    severity: 'critical',
    why: 'one app proves itself to Entra by the secret, the other by its managed identity',
  },
  MREG_SEALING_KEYS: {
    severity: 'critical',
    why: 'what one app seals, such as tokens and secrets in URLs, the other cannot open',
  },
  MREG_TENANTS: {
    severity: 'critical',
    why: 'whom one app lets in, the other refuses; the first tenant is the one whose gateway this is',
  },
  MREG_PUBLIC_ORIGIN: { severity: 'critical', why: 'addresses of servers would not be those of the mcp app' },
  MREG_MANAGEMENT_ORIGIN: { severity: 'warning', why: 'one app looks for the other where it is not' },
  MREG_ALLOWED_ORIGINS: { severity: 'warning', why: 'a page that may call one app may not call the other' },
  MREG_QUALITY_GATES: { severity: 'warning', why: 'the apps know different gates' },
  MREG_EVENT_ROUTES: { severity: 'warning', why: 'an event reaches other agents when another app raises it' },
  MREG_EXTERNAL_AGENTS: {
    severity: 'critical',
    why: 'the work of an agent is taken by an app and by a worker, or by neither',
  },
  MREG_CREDENTIALS: {
    severity: 'critical',
    why: 'a server that was validated by one app may refuse the calls of the other',
  },
  MREG_UPSTREAM_REGISTRY: { severity: 'warning', why: 'the apps know different registries' },
  MREG_LOCAL_ISSUER: { severity: 'critical', why: 'a token that one app takes, the other refuses' },
  MREG_PRIVATE_UPSTREAMS: { severity: 'warning', why: 'a server that one app may call, the other may not' },
};

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
  if (differing[setting] === undefined) return 'need_not_be';
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
  const policy = differing[setting];
  if (!policy || equality(setting, pair) !== 'no') return [];
  const [management, mcp] = pair.map((instance) => presence(setting, instance));
  return [
    {
      rule: 'setting_differs',
      severity: policy.severity,
      message: `${setting} differs between the apps: ${policy.why}`,
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
