import { z } from 'zod';
import { originSchema } from '../../shared/platform/config/config.ts';
import { list } from '../../shared/platform/config/defineSetting.ts';
import { jsonText } from '../azd/azdEnvironment.ts';
import { LocalError } from '../local/localError.ts';
import { parse } from '../local/options.ts';

export interface EntraOptions {
  readonly command: 'ensure' | 'federate';
  readonly dryRun: boolean;
  /** azd runs this command as its hook: its environment has the values, and gets the results. */
  readonly azd: boolean;
  /** The environment of azd that has the values and gets the results, in a terminal. */
  readonly environment: string | undefined;
}

const environmentName = /^[\w.()-]{1,64}$/;

/** @throws LocalError that says what is wrong on the command line. */
export function entraOptions([command, ...args]: readonly string[]): EntraOptions {
  const usage = 'ensure|federate [--dry-run] [--environment E | --azd]';
  const given = parse(args, usage, {
    'dry-run': { type: 'boolean', default: false },
    azd: { type: 'boolean', default: false },
    environment: { type: 'string' },
  });
  if (command !== 'ensure' && command !== 'federate')
    throw new LocalError(`The first argument must be ensure or federate. Options: ${usage}`);
  const { azd, environment } = given;
  if (azd && environment !== undefined)
    throw new LocalError(
      '--azd takes the environment of the azd that runs the hook: leave out --environment',
    );
  if (environment !== undefined && !environmentName.test(environment))
    throw new LocalError('--environment must name an environment of azd (azd env list shows them)');
  return { command, dryRun: given['dry-run'], azd, environment };
}

const guid = z.guid('must be a GUID');
const httpsOrigin = originSchema.startsWith('https:', 'must be an https origin');

const identitySchema = z.object({
  /** It becomes the name of a federated credential, and part of a path. */
  name: z.string().regex(/^[\w-]{3,120}$/, 'must be 3 to 120 letters, digits, - and _'),
  /** Absent for the identity of an external agent. */
  app: z.string().optional(),
  principalId: guid,
});
export type Identity = z.infer<typeof identitySchema>;

/** The variables that azd gives to its hooks. */
const variables = z.object({
  AZURE_ENV_NAME: z.string().regex(environmentName, 'must be 1 to 64 letters, digits and -_.()').optional(),
  AZURE_TENANT_ID: guid.optional(),
  MREG_API_CLIENT_ID: guid.optional(),
  /** The id in `MREG_API_CLIENT_ID` when this command put it there. */
  MREG_MANAGED_API_CLIENT_ID: guid.optional(),
  MREG_SIGN_IN_CLIENT_ID: guid.optional(),
  MREG_TENANTS: list(guid).optional(),
  MREG_PUBLIC_ORIGIN: httpsOrigin.optional(),
  MREG_MANAGEMENT_ORIGIN: httpsOrigin.optional(),
  MREG_IDENTITIES: jsonText.pipe(z.array(identitySchema)).optional(),
});
export type EntraSettings = z.infer<typeof variables>;

/** Returns the settings of the command. azd gives an empty text for a value that it does not know yet. @throws LocalError */
export function readEntraSettings(env: Readonly<Record<string, string | undefined>>): EntraSettings {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const result = variables.safeParse(given);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
  throw new LocalError(`The environment has wrong values: ${problems.join('; ')}`);
}

/** Returns whether `MREG_API_CLIENT_ID` names a registration that this command did not make. */
export const isOfUser = (settings: EntraSettings): boolean =>
  settings.MREG_API_CLIENT_ID !== undefined &&
  settings.MREG_API_CLIENT_ID !== settings.MREG_MANAGED_API_CLIENT_ID;
