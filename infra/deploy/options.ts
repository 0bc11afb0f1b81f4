import { LocalError } from '../local/localError.ts';
import { parse, place, placeFlags, placeUsage } from '../local/options.ts';

/** The environment of a local topology, which `npm start -- --without-apps` runs. All others are environments of azd. */
export const LOCAL = 'local';

export interface TargetOptions {
  readonly environment: string;
  /** Of the local topology. */
  readonly portOffset: number;
  readonly dataDir: string;
}

const environmentFlag = { environment: { type: 'string' } } as const;
const localUsage = `, and for the environment ${LOCAL}: ${placeUsage}`;

/** @throws LocalError that says what is wrong on the command line. */
export function deployOptions(args: readonly string[]): TargetOptions & { readonly dryRun: boolean } {
  const given = parse(args, `--environment E [--dry-run]${localUsage}`, {
    ...environmentFlag,
    'dry-run': { type: 'boolean', default: false },
    ...placeFlags,
  });
  return { dryRun: given['dry-run'], ...targetOptions(given, '') };
}

/** `--azd`: the environment of the azd that runs this command as its hook. @throws LocalError as `deployOptions`. */
export function smokeOptions(args: readonly string[]): TargetOptions & { readonly azd: boolean } {
  const given = parse(args, `--azd, or --environment E${localUsage}`, {
    ...environmentFlag,
    azd: { type: 'boolean', default: false },
    ...placeFlags,
  });
  return { azd: given.azd, ...targetOptions(given, given.azd ? process.env['AZURE_ENV_NAME'] : '') };
}

interface Given {
  readonly environment?: string;
  readonly 'port-offset'?: string;
  readonly data?: string;
}

function targetOptions(given: Given, ofAzd: string | undefined): TargetOptions {
  const environment = given.environment ?? ofAzd ?? '';
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(environment))
    throw new LocalError(
      `--environment must name an environment: ${LOCAL}, or one of azd (azd env list shows them)`,
    );
  if (environment !== LOCAL && (given['port-offset'] !== undefined || given.data !== undefined))
    throw new LocalError(`--port-offset and --data are for the environment ${LOCAL}`);
  return { environment, ...place(given) };
}
