import {
  type DevelopmentOnly,
  type Environment,
  type SettingName,
  azureMarks,
  developmentOnly,
  settingNames,
} from './config.ts';

/** What runs the app, as far as its environment tells. */
export const hostKinds = ['azure', 'core_tools', 'local', 'unknown'] as const;

/** What can be said of an app's environment to anybody. */
export interface EnvironmentFacts {
  readonly host: (typeof hostKinds)[number];
  readonly set: readonly SettingName[];
  /** Names that look like settings of ours, and are none. */
  readonly unknown: readonly string[];
  readonly developmentOnly: readonly DevelopmentOnly[];
}

/** Of the local host, which keeps its files there. */
const LOCAL_DATA = 'MREG_LOCAL_DATA';
const MAX_UNKNOWN = 20;

export function describeEnvironment(env: Environment): EnvironmentFacts {
  const isSet = (name: string) => env[name] !== undefined;
  const known: ReadonlySet<string> = new Set([...settingNames, LOCAL_DATA]);
  const isLocal = env['AZURE_FUNCTIONS_ENVIRONMENT'] === 'Development';
  return {
    host: azureMarks.some(isSet)
      ? 'azure'
      : isSet('FUNCTIONS_CORETOOLS_ENVIRONMENT')
        ? 'core_tools'
        : isLocal
          ? 'local'
          : 'unknown',
    set: settingNames.filter(isSet),
    unknown: Object.keys(env)
      .filter((name) => /^MREG_\w{1,60}$/.test(name) && isSet(name) && !known.has(name))
      .sort()
      .slice(0, MAX_UNKNOWN),
    developmentOnly: developmentOnly(env),
  };
}
