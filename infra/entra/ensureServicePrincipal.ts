import { z } from 'zod';
import type { Role } from '../../shared/identity/access/actor.ts';
import type { Application } from './application.ts';
import { roleIdOf } from './entitlements.ts';
import type { Graph } from './graph.ts';
import { GraphError } from './graphError.ts';
import { readAnswer } from './readAnswer.ts';
import { NEW_ID } from './recordChanges.ts';

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
