import { z } from 'zod';
import type { App } from '../../../shared/platform/config/config.ts';
import { parseJson } from '../../azd/azdEnvironment.ts';
import { LocalError } from '../../local/localError.ts';
import { root } from '../../local/processes.ts';
import { runProgram } from '../../local/runProgram.ts';
import { type DeploymentTarget, type GatewayAccess, readRecordIn } from '../target.ts';
import { type AzdValues, readAzdValues } from './azdValues.ts';
import { DEPLOYMENT_VARIABLE } from './deploymentVariable.ts';
import { openPackageContainer, type PackageContainer } from './packageContainer.ts';

/** Instances of the previous build finish what they run, for ten minutes at most, and are seen for some minutes more. */
const SETTLES_WITHIN_MS = 15 * 60_000;

/** An environment of azd. `azd` provisions and deploys, `az` reads and keeps packages. Both must be signed in. */
export function azureTarget(environment: string): DeploymentTarget {
  const azd = (args: readonly string[], signal?: AbortSignal) =>
    runProgram('azd', [...args, '--environment', environment, '--no-prompt'], {
      env: { ...process.env, [DEPLOYMENT_VARIABLE]: environment },
      cwd: root,
      signal,
    });

  // Each call of azd or az takes seconds.
  let known: Promise<AzdValues> | undefined;
  const containers = new Map<App, Promise<PackageContainer>>();
  const values = () => (known ??= readAzdValues(environment));

  /** Returns the container of an app, or `undefined` until the environment is provisioned. */
  async function container(app: App): Promise<PackageContainer | undefined> {
    const { MREG_APPS = [] } = await values();
    const id = MREG_APPS.find((listed) => listed.app === app)?.id;
    if (id === undefined) return undefined;
    const opened = containers.get(app) ?? openPackageContainer(id);
    containers.set(app, opened);
    return opened;
  }
  async function containerOf(app: App): Promise<PackageContainer> {
    const found = await container(app);
    if (found) return found;
    throw new LocalError(`MREG_APPS names no ${app} app: the environment is not provisioned`);
  }

  return {
    async validate() {
      const { AZURE_SUBSCRIPTION_ID: subscription, AZURE_LOCATION: location } = await values();
      await requireSignIn(subscription);
      return `subscription ${subscription}, ${location}`;
    },
    async provision(signal) {
      await azd(['provision'], signal);
      known = undefined;
      containers.clear();
    },
    gateway: async () => gatewayOf(await values()),
    keep: async (app) => (await (await container(app))?.keepCurrent()) ?? false,
    async deploy(app, _, signal) {
      // azure.yaml names the folder of the staged package.
      await azd(['deploy', app], signal);
    },
    restore: async (app) =>
      (await containerOf(app)).withPrevious(async (file) => {
        await azd(['deploy', app, '--from-package', file]);
      }),
    async readRecord() {
      const text = await (await container('management'))?.readRecord();
      if (text === undefined) return undefined;
      return readRecordIn(text, "the blob deployment.json beside the management app's package");
    },
    async writeRecord(record) {
      // Before the first provision there is no container, and no app that could change.
      await (await container('management'))?.writeRecord(JSON.stringify(record));
    },
  };
}

/** @throws LocalError with the command to sign in. */
async function requireSignIn(subscription: string): Promise<void> {
  const status = z
    .object({ status: z.string() })
    .parse(parseJson(await runProgram('azd', ['auth', 'login', '--check-status', '--output', 'json'])));
  if (status.status !== 'success') throw new LocalError('azd is not signed in: run azd auth login');
  await runProgram('az', ['account', 'show', '--subscription', subscription, '--output', 'json']).catch(
    (cause: unknown) => {
      const why = cause instanceof LocalError ? cause.message : String(cause);
      throw new LocalError(`az does not see the subscription ${subscription}: run az login. ${why}`, {
        cause,
      });
    },
  );
}

/** Returns a gateway by the values of azd, or `undefined` until it is provisioned. */
export function gatewayOf(values: AzdValues): GatewayAccess | undefined {
  const { MREG_PUBLIC_ORIGIN: mcp, MREG_MANAGEMENT_ORIGIN: management } = values;
  const { MREG_API_CLIENT_ID: clientId, AZURE_TENANT_ID: tenant, MREG_APPS: apps } = values;
  if (!mcp || !management || !clientId || !apps) return undefined;
  return {
    origins: { mcp, management },
    async token() {
      const scope = ['--scope', `api://${clientId}/.default`, ...(tenant ? ['--tenant', tenant] : [])];
      const printed = await runProgram('az', ['account', 'get-access-token', ...scope, '--output', 'json']);
      return z.object({ accessToken: z.string() }).parse(parseJson(printed)).accessToken;
    },
    async countFunctions(app) {
      const id = apps.find((known) => known.app === app)?.id ?? '';
      const [, subscription = '', group = '', name = ''] = SITE.exec(id) ?? [];
      const place = ['--subscription', subscription, '--resource-group', group, '--name', name];
      const printed = await runProgram('az', [
        'functionapp',
        'function',
        'list',
        ...place,
        '--output',
        'json',
      ]);
      return z.array(z.unknown()).parse(parseJson(printed)).length;
    },
    settlesWithinMs: SETTLES_WITHIN_MS,
  };
}

const SITE =
  /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)\/providers\/Microsoft\.Web\/sites\/([^/]+)$/i;
