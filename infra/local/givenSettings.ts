import { nearestName } from '../../shared/orchestration/model/unknownName.ts';
import { describeEnvironment, type Environment } from '../../shared/platform/config/environment.ts';
import { type SettingName, settingNames } from '../../shared/platform/config/settings.ts';

export interface GivenSettings {
  /** The settings of both apps that the developer's environment has. They win over those of the local topology. */
  readonly settings: Readonly<Record<string, string>>;
  /** One line for each variable that no app gets, and why. */
  readonly problems: readonly string[];
}

/** The settings whose values the start alone knows, and the reason. */
const notTaken: Readonly<Partial<Record<SettingName, string>>> = {
  MREG_APP: 'each app has its own value',
  MREG_SERVICE_BUS__fullyQualifiedNamespace:
    'the apps use the broker of this start, or that of MREG_SERVICE_BUS',
  MREG_SERVICE_BUS__credential: 'the broker of this start needs no identity',
  MREG_SERVICE_BUS__clientId: 'the broker of this start needs no identity',
};

/** Returns what a local start takes from the environment. */
export function givenSettings(env: Environment): GivenSettings {
  const given = settingNames.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const]));
  return {
    settings: Object.fromEntries(given.filter(([name]) => notTaken[name] === undefined)),
    problems: [
      ...given.flatMap(([name]) =>
        notTaken[name] === undefined ? [] : [`${name} of the environment is not used: ${notTaken[name]}.`],
      ),
      ...describeEnvironment(env).unknown.map((name) => {
        const nearest = nearestName(name, settingNames);
        const hint =
          nearest === undefined ? 'docs/configuration.md lists the settings.' : `Did you mean ${nearest}?`;
        return `${name} is no setting, so no app uses it. ${hint}`;
      }),
    ],
  };
}
