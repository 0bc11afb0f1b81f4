import { type SettingName, settingNames, settings } from './settings.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that only Azure sets. One of them is enough to show that this is not a developer's machine. */
export const azureVariables = [
  'WEBSITE_SITE_NAME',
  'WEBSITE_INSTANCE_ID',
  'WEBSITE_POD_NAME',
  'IDENTITY_ENDPOINT',
  'CONTAINER_APP_NAME',
] as const;

/** Returns false only when every sign says that the environment is a developer's. */
export function isProduction(env: Environment): boolean {
  return (
    env['AZURE_FUNCTIONS_ENVIRONMENT'] !== 'Development' ||
    env['NODE_ENV'] === 'production' ||
    azureVariables.some((name) => env[name] !== undefined)
  );
}

/** A setting that production refuses, and the reason. Never its value. */
export interface DevelopmentOnly {
  readonly setting: SettingName;
  readonly problem: string;
}

/** Returns the settings that production refuses: first those refused for their presence, then those refused for their value. */
export function developmentOnly(env: Environment): DevelopmentOnly[] {
  const set = settingNames.filter((name) => env[name] !== undefined);
  return [
    ...set
      .filter((name) => settings[name].required === 'development only')
      .map((setting) => ({ setting, problem: 'is for development only and must not be set here' })),
    ...set.flatMap((setting) => {
      const [pattern, problem = ''] = settings[setting].developmentValue ?? [];
      return pattern?.test(env[setting] ?? '') ? [{ setting, problem }] : [];
    }),
  ];
}

/** The program that runs the app, as far as its environment shows. */
export const hostKinds = ['azure', 'core_tools', 'local', 'unknown'] as const;

/** The facts about an app's environment that everybody may know. */
export interface EnvironmentFacts {
  readonly host: (typeof hostKinds)[number];
  readonly set: readonly SettingName[];
  /** Variables that are named like settings but are none. At most 20. */
  readonly unknown: readonly string[];
  readonly developmentOnly: readonly DevelopmentOnly[];
}

const MAX_UNKNOWN = 20;

export function describeEnvironment(env: Environment): EnvironmentFacts {
  const isSet = (name: string) => env[name] !== undefined;
  const known: ReadonlySet<string> = new Set(settingNames);
  return {
    host: hostOf(env),
    set: settingNames.filter(isSet),
    unknown: Object.keys(env)
      .filter((name) => /^MREG_\w{1,60}$/.test(name) && isSet(name) && !known.has(name))
      .sort()
      .slice(0, MAX_UNKNOWN),
    developmentOnly: developmentOnly(env),
  };
}

function hostOf(env: Environment): EnvironmentFacts['host'] {
  if (azureVariables.some((name) => env[name] !== undefined)) return 'azure';
  if (env['FUNCTIONS_CORETOOLS_ENVIRONMENT'] !== undefined) return 'core_tools';
  return env['AZURE_FUNCTIONS_ENVIRONMENT'] === 'Development' ? 'local' : 'unknown';
}
