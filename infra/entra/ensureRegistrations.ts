import type { Application } from './application.ts';
import { applyIfDomainIsVerified, applySteps, ensureApplication, type Naming } from './ensureApplication.ts';
import { ensureRole, ensureServicePrincipal } from './ensureServicePrincipal.ts';
import { shortcomings } from './entitlements.ts';
import type { Graph } from './graph.ts';
import type { EntraSettings } from './settings.ts';
import type { SignedIn } from './signIn.ts';
import { apiSteps, endpointStep, type Place, signInSteps } from './steps.ts';

/** The registration that tokens are for, and the one that people sign in with. */
export interface Registrations {
  readonly api: Application;
  readonly signIn: Application;
}

/** Creates or completes both registrations and their service principals, and gives the caller the role Admin. */
export async function ensureRegistrations(
  graph: Graph,
  settings: EntraSettings,
  { tenantId, principalId }: SignedIn,
  { dryRun, report }: { readonly dryRun: boolean; readonly report: (line: string) => void },
): Promise<Registrations> {
  const place: Place = {
    tenants: settings.MREG_TENANTS ?? [tenantId],
    publicOrigin: settings.MREG_PUBLIC_ORIGIN,
    managementOrigin: settings.MREG_MANAGEMENT_ORIGIN,
  };
  const { apiNaming, signInNaming } = naming(settings.AZURE_ENV_NAME);
  const signInFound = await ensureApplication(graph, signInNaming, dryRun);
  const apiFound = await ensureApplication(graph, apiNaming, dryRun);
  const apiReady = await applySteps(graph, apiFound, apiSteps(place, signInFound.appId));
  const { app: api, refusal } = await applyIfDomainIsVerified(graph, apiReady, endpointStep(place));
  if (refusal !== undefined)
    report(
      `Entra refuses the URL of the MCP endpoint as an identifier URI, so clients that send it as the resource cannot sign in. ` +
        `Set MREG_PUBLIC_ORIGIN to an origin under a verified domain of the tenant. Entra says: ${refusal}`,
    );
  for (const problem of shortcomings(api)) report(`Correct this in the portal: ${problem}.`);
  const signIn = await applySteps(graph, signInFound, signInSteps(place, api));
  const servicePrincipalId = await ensureServicePrincipal(graph, api, { assignmentRequired: true, dryRun });
  await ensureServicePrincipal(graph, signIn, { assignmentRequired: false, dryRun });
  await ensureRole(graph, api, { servicePrincipalId, principalId, role: 'Admin' });
  return { api, signIn };
}

/** Each azd environment has registrations of its own. */
function naming(environment: string | undefined): {
  readonly apiNaming: Naming;
  readonly signInNaming: Naming;
} {
  const [suffix, title] = environment === undefined ? ['', ''] : [`-${environment}`, ` (${environment})`];
  return {
    apiNaming: {
      uniqueName: `mcp-registry-gateway-api${suffix}`,
      displayName: `MCP Registry Gateway${title}`,
    },
    signInNaming: {
      uniqueName: `mcp-registry-gateway-sign-in${suffix}`,
      displayName: `MCP Registry Gateway sign-in${title}`,
    },
  };
}
