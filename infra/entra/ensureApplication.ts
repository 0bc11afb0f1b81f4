import { z } from 'zod';
import type { Role } from '../../shared/identity/access/actor.ts';
import {
  type Application,
  type ApplicationPatch,
  applicationProperties,
  applicationSchema,
  patchOf,
} from './application.ts';
import { describePatch } from './describePatch.ts';
import type { Graph } from './graph.ts';
import { GraphError } from './graphError.ts';
import { readAnswer } from './readAnswer.ts';
import { NEW_ID } from './recordChanges.ts';
import { roleIdOf, type Step } from './wanted.ts';

/** How a registration is found again. Graph never changes a unique name; people may change the display name. */
export interface Naming {
  readonly uniqueName: string;
  readonly displayName: string;
}

/** Returns the registration, and creates it if there is none. A dry run returns what would be created. */
export async function ensureApplication(graph: Graph, naming: Naming, dryRun: boolean): Promise<Application> {
  const { uniqueName, displayName } = naming;
  const path = `applications(uniqueName='${uniqueName}')`;
  const query = `${path}?$select=${applicationProperties}`;
  const found = await graph.find(query);
  if (found !== undefined) return parsed(found);
  const body = { displayName, signInAudience: 'AzureADMyOrg' };
  const created = await graph.write({
    method: 'PATCH',
    path,
    body,
    createIfMissing: true,
    what: `create the app registration "${displayName}" (unique name ${uniqueName})`,
  });
  if (dryRun) return parsed({ ...body, id: NEW_ID, appId: NEW_ID, api: {}, web: {} });
  // Graph answers 204 without a body if another run created it in the meantime.
  return parsed(created ?? (await graph.get(query)));
}

/** Makes the changes of the steps, in their order. Returns the registration as it is then. */
export async function applySteps(
  graph: Graph,
  app: Application,
  steps: readonly Step[],
): Promise<Application> {
  let current = app;
  for (const step of steps) {
    const patch = patchOf(current, step(current));
    if (Object.keys(patch).length === 0) continue;
    await graph.write({
      method: 'PATCH',
      path: `applications/${app.id}`,
      body: patch,
      what: `update the app registration "${app.displayName}": ${describePatch(current, patch)}`,
    });
    current = withPatch(current, patch);
  }
  return current;
}

/** A read after a write may return what was there before, so the result is computed. */
const withPatch = (app: Application, patch: ApplicationPatch): Application =>
  parsed({ ...app, ...patch, id: app.id, appId: app.appId });

/** Returns the registration after the step, or the reason why Entra refuses its identifier URIs. */
export async function applyIfDomainIsVerified(
  graph: Graph,
  app: Application,
  step: Step,
): Promise<{ readonly app: Application; readonly refusal?: string }> {
  try {
    return { app: await applySteps(graph, app, [step]) };
  } catch (error) {
    if (!(error instanceof GraphError && error.status === 400 && /verified domain/i.test(error.reason)))
      throw error;
    return { app, refusal: error.reason };
  }
}

const parsed = (answer: unknown): Application => readAnswer(applicationSchema, answer, 'an app registration');

const servicePrincipalSchema = z.object({
  id: z.string(),
  appRoleAssignmentRequired: z.boolean().nullish(),
});

/**
 * Creates the service principal of a registration, and returns its id. `assignmentRequired` closes the registration to everybody
 * who has no role.
 */
export async function ensureServicePrincipal(
  graph: Graph,
  { appId, displayName }: Application,
  { assignmentRequired, dryRun }: { readonly assignmentRequired: boolean; readonly dryRun: boolean },
): Promise<string> {
  const path = `servicePrincipals(appId='${appId}')`;
  const query = `${path}?$select=id,appRoleAssignmentRequired`;
  const read = (answer: unknown) => readAnswer(servicePrincipalSchema, answer, 'a service principal');
  const answer = await graph.find(query);
  const found = answer === undefined ? undefined : read(answer);
  if (found && (!assignmentRequired || found.appRoleAssignmentRequired === true)) return found.id;
  const closing = assignmentRequired ? ', and require an assignment' : '';
  const created = await graph.write({
    method: 'PATCH',
    path,
    body: { appRoleAssignmentRequired: assignmentRequired },
    createIfMissing: true,
    what: `${found ? 'update' : 'create'} the service principal of "${displayName}"${closing}`,
  });
  if (found) return found.id;
  return dryRun ? NEW_ID : read(created ?? (await graph.get(query))).id;
}

const assignmentsSchema = z.array(z.object({ principalId: z.string(), appRoleId: z.string() }));

/** Gives a role of the registration to a user or a service principal. */
export async function ensureRole(
  graph: Graph,
  app: Application,
  {
    servicePrincipalId,
    principalId,
    role,
  }: { readonly servicePrincipalId: string; readonly principalId: string; readonly role: Role },
): Promise<void> {
  const appRoleId = roleIdOf(app, role);
  if (appRoleId === undefined) return;
  const path = `servicePrincipals/${servicePrincipalId}/appRoleAssignedTo`;
  const assignments = readAnswer(assignmentsSchema, await graph.list(path), 'assignments');
  if (assignments.some((there) => there.principalId === principalId && there.appRoleId === appRoleId)) return;
  await graph
    .write({
      method: 'POST',
      path,
      body: { principalId, resourceId: servicePrincipalId, appRoleId },
      what: `assign the role Gateway.${role} to you (object ${principalId})`,
    })
    .catch((error: unknown) => {
      // An attempt before succeeded, and its answer was lost.
      if (!(error instanceof GraphError && /already exists/.test(error.reason))) throw error;
    });
}
