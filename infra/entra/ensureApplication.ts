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
import type { Step } from './steps.ts';

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
