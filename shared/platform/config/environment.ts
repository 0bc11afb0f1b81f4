import { type SettingName, settingNames } from './settings.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Names of which one is enough to say that this is not a developer's machine. */
export const azureMarks = [
  'WEBSITE_SITE_NAME',
  'WEBSITE_INSTANCE_ID',
  'WEBSITE_POD_NAME',
  'IDENTITY_ENDPOINT',
  'CONTAINER_APP_NAME',
] as const;

/** True unless the environment says in every way that it is a developer's. */
export function isProduction(env: Environment): boolean {
  return (
    env['AZURE_FUNCTIONS_ENVIRONMENT'] !== 'Development' ||
    env['NODE_ENV'] === 'production' ||
    azureMarks.some((name) => env[name] !== undefined)
  );
}

/** A setting that production refuses, and why: never its value. */
export interface DevelopmentOnly {
  readonly setting: SettingName;
  readonly problem: string;
}

/** Values that only the local stand-ins of Azure's services need. */
const developmentValues = [
  ['MREG_SERVICE_BUS', /UseDevelopmentEmulator=true/i, 'UseDevelopmentEmulator is for development only'],
  ['MREG_TABLES', /UseDevelopmentStorage=true|Protocol=http(;|$)/i, 'plain http is for development only'],
  ['MREG_REDIS_URL', /^redis:/i, 'Redis without TLS is for development only'],
  ['MREG_SEALING_KEYS', /known-to-everybody/, 'the key of the example is for development only'],
  ['MREG_PUBLIC_ORIGIN', /^http:/, 'plain http is for development only'],
  ['MREG_MANAGEMENT_ORIGIN', /^http:/, 'plain http is for development only'],
] as const;

/** Those settings that only a developer's environment may have. */
export function developmentOnly(env: Environment): DevelopmentOnly[] {
  return [
    ...(['MREG_LOCAL_ISSUER', 'MREG_PRIVATE_UPSTREAMS'] as const)
      .filter((setting) => env[setting] !== undefined)
      .map((setting) => ({ setting, problem: 'is for development only and must not be set here' })),
    ...developmentValues
      .filter(([setting, pattern]) => pattern.test(env[setting] ?? ''))
      .map(([setting, , problem]) => ({ setting, problem })),
  ];
}

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
