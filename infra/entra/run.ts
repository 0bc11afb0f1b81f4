import { readAzdEnvironment, setInAzd } from '../azd/azdEnvironment.ts';
import { LocalError } from '../local/localError.ts';
import { ensureRegistrations } from './ensureRegistrations.ts';
import { credentialOf, federate } from './federate.ts';
import { connectGraph, type GraphDeps } from './graph.ts';
import { NEW_ID, recordChanges } from './recordChanges.ts';
import { entraOptions, type EntraSettings, type Identity, isOfUser, readEntraSettings } from './settings.ts';
import type { SignedIn } from './signIn.ts';

export interface EntraDeps extends Omit<GraphDeps, 'token'> {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signIn: (tenantId: string | undefined) => Promise<SignedIn>;
  /** Tells the user what happens. */
  readonly report: (line: string) => void;
  /** Prints a result for scripts: `NAME=value`. */
  readonly print: (line: string) => void;
}

/**
 * `ensure` makes the registrations of the gateway as they must be. `federate` does the same after the deployment, when the
 * origins and the identities of the apps are known, and lets the identities act as both registrations.
 * @throws LocalError with one line for the user
 */
export async function runEntra(args: readonly string[], deps: EntraDeps): Promise<void> {
  const { command, dryRun, azd, environment } = entraOptions(args);
  const env =
    environment === undefined
      ? deps.env
      : { ...(await readAzdEnvironment(environment)), AZURE_ENV_NAME: environment };
  const settings = readEntraSettings(env);
  const identities = command === 'federate' ? identitiesOfApps(settings) : [];
  if (isOfUser(settings)) {
    explainManualSteps(settings, identities, deps.report);
    return;
  }
  const signedIn = await deps.signIn(settings.AZURE_TENANT_ID);
  const { graph, changes } = recordChanges(connectGraph({ ...deps, token: signedIn.token }), {
    dryRun,
    report: deps.report,
  });
  const { api, signIn } = await ensureRegistrations(graph, settings, signedIn, { ...deps, dryRun });
  const credentials = identities.map((identity) => credentialOf(signedIn.tenantId, identity));
  for (const registration of [api, signIn]) await federate(graph, registration, credentials);
  if (changes() === 0) deps.report('Nothing to change in Entra.');
  await giveResults(
    {
      MREG_API_CLIENT_ID: api.appId,
      MREG_MANAGED_API_CLIENT_ID: api.appId,
      MREG_SIGN_IN_CLIENT_ID: signIn.appId,
    },
    settings,
    { ...deps, env, dryRun, toAzd: azd || environment !== undefined },
  );
}

/** External agents call no other API for a user, so they need no credential. */
function identitiesOfApps({ MREG_IDENTITIES }: EntraSettings): readonly Identity[] {
  if (MREG_IDENTITIES === undefined)
    throw new LocalError(
      'MREG_IDENTITIES is not set. Deploy the identities first (azd provision). Then read the values of that environment of azd: ' +
        'npm run entra -- federate --environment E',
    );
  return MREG_IDENTITIES.filter(({ app }) => app !== undefined);
}

const TENANT_PLACEHOLDER = '{tenant id}';

function explainManualSteps(
  { MREG_API_CLIENT_ID, MREG_SIGN_IN_CLIENT_ID, MREG_PUBLIC_ORIGIN, AZURE_TENANT_ID }: EntraSettings,
  identities: readonly Identity[],
  report: (line: string) => void,
): void {
  report(
    `MREG_API_CLIENT_ID names a registration of your own: ${MREG_API_CLIENT_ID ?? ''}. ` +
      'The directory stays as it is. docs/deploy.md#the-app-registration says what the registration needs.',
  );
  if (AZURE_TENANT_ID === undefined && identities.length > 0)
    report(
      `AZURE_TENANT_ID is not set. Replace ${TENANT_PLACEHOLDER} with the id of the tenant of the registration.`,
    );
  for (const { issuer, subject, audiences, name } of identities.map((identity) =>
    credentialOf(AZURE_TENANT_ID ?? TENANT_PLACEHOLDER, identity),
  ))
    report(
      `It needs a federated credential ${name}: issuer ${issuer}, subject ${subject}, audience ${audiences.join()}.`,
    );
  if (MREG_SIGN_IN_CLIENT_ID !== undefined && identities.length > 0)
    report(
      `The sign-in registration ${MREG_SIGN_IN_CLIENT_ID} needs the same credentials, the permission mcp.access of the other one, ` +
        `and the web redirect URI ${MREG_PUBLIC_ORIGIN ?? '{MREG_PUBLIC_ORIGIN}'}/oauth/callback.`,
    );
}

async function giveResults(
  results: Readonly<Record<string, string>>,
  settings: EntraSettings,
  { env, toAzd, dryRun, report, print }: EntraDeps & { readonly toAzd: boolean; readonly dryRun: boolean },
): Promise<void> {
  const known = Object.entries(results).filter(([, value]) => value !== NEW_ID);
  if (!toAzd) {
    for (const [name, value] of known) print(`${name}=${value}`);
    return;
  }
  const changed = known.filter(([name, value]) => env[name] !== value);
  for (const [name, value] of changed) report(`${dryRun ? 'would set' : 'set'} ${name}=${value} in azd`);
  if (!dryRun) await setInAzd(Object.fromEntries(changed), settings.AZURE_ENV_NAME);
}
