import type { App } from '../../shared/platform/config/config.ts';
import { LocalError } from '../local/localError.ts';
import { gatewayClient } from './gatewayClient.ts';
import { smoke } from './smoke.ts';
import {
  type AppPackage,
  deploymentOrder,
  type DeploymentRecord,
  type DeploymentTarget,
  type GatewayAccess,
} from './target.ts';

/** One run of the deployment, as its steps see it. */
export interface DeploymentRun {
  readonly target: DeploymentTarget;
  readonly signal: AbortSignal;
  /** Stages the package. */
  readonly stage: () => Promise<AppPackage>;
  /** Stores changes of the record before the step goes on. */
  readonly save: (change: Partial<DeploymentRecord>) => Promise<void>;
  readonly record: () => DeploymentRecord;
  staged: AppPackage | undefined;
}

export interface DeploymentStep {
  readonly name: string;
  readonly title: string;
  /** Returns a note for the person who deploys. Throws when the step fails. */
  readonly run: (run: DeploymentRun) => Promise<string | undefined>;
  /** The app that the step changes. */
  readonly app?: App;
  /** Undoes the step, also when it did not end. Returns a note. */
  readonly undo?: (run: DeploymentRun) => Promise<string>;
}

const validate: DeploymentStep = {
  name: 'validate',
  title: 'Check the environment and the rights to deploy to it',
  run: ({ target }) => target.validate(),
};

const stage: DeploymentStep = {
  name: 'package',
  title: 'Stage one package for both apps',
  run: async (run) => {
    run.staged = await run.stage();
    await run.save({ build: run.staged.build });
    return `build ${run.staged.build} in ${run.staged.folder}`;
  },
};

const keep: DeploymentStep = {
  name: 'keep',
  title: 'Keep the packages that the apps run now',
  run: async ({ target, save, record }) => {
    const kept: App[] = [];
    for (const app of deploymentOrder) {
      // A first deployment that failed leaves nothing to return to.
      if (!record().unproven.includes(app) && (await target.keep(app))) kept.push(app);
    }
    await save({ kept });
    return kept.length > 0 ? `kept: ${kept.join(', ')}` : 'there are none: this is the first deployment';
  },
};

const preGate: DeploymentStep = {
  name: 'pre_deployment',
  title: 'Run the gate pre_deployment of the running gateway',
  run: async ({ target, signal, record }) => {
    const gateway = await target.gateway();
    if (!gateway || !record().kept.includes('management')) return 'skipped, because no gateway runs yet';
    await gatewayClient(gateway, signal).runGate('pre_deployment');
    return 'passed';
  },
};

const provision: DeploymentStep = {
  name: 'provision',
  title: 'Provision the resources',
  run: async ({ target, signal }) => {
    await target.provision(signal);
    return undefined;
  },
};

const health: DeploymentStep = {
  name: 'health',
  title: 'Wait until both apps are healthy and every instance runs the new build',
  run: async (run) => {
    const { build } = staged(run);
    await gatewayClient(await gatewayOf(run), run.signal).waitForBuild(build);
    return `every instance runs build ${build}`;
  },
};

const postGate: DeploymentStep = {
  name: 'post_deployment',
  title: 'Run the gate post_deployment of the new gateway',
  run: async (run) => {
    await gatewayClient(await gatewayOf(run), run.signal).runGate('post_deployment');
    return 'passed';
  },
};

const useGateway: DeploymentStep = {
  name: 'smoke',
  title: 'Use the gateway: count functions, refuse a forged token, list and call a tool',
  run: async (run) => (await smoke(await gatewayOf(run), staged(run).folder, run.signal)).join(', '),
};

/** The first step, which changes nothing. */
export const firstStep = validate;

/** All steps of a deployment in their order. When one fails, those that have an `undo` are undone in the reverse order. */
export const deploymentSteps: readonly DeploymentStep[] = [
  firstStep,
  stage,
  keep,
  preGate,
  provision,
  deployTo('mcp'),
  deployTo('management'),
  health,
  postGate,
  useGateway,
];

function deployTo(app: App): DeploymentStep {
  return {
    name: `deploy_${app}`,
    title: `Deploy the package to the ${app} app`,
    app,
    run: async (run) => {
      const { target, save, record } = run;
      await save({ unproven: [...new Set([...record().unproven, app])] });
      await target.deploy(app, staged(run), run.signal);
      return undefined;
    },
    undo: (run) => restoreApp(app, run),
  };
}

/** Restores the kept package of an app. Returns what was done. */
export async function restoreApp(
  app: App,
  { target, save, record }: Pick<DeploymentRun, 'target' | 'save' | 'record'>,
): Promise<string> {
  if (!record().kept.includes(app)) return `the ${app} app had no package before, and stays as it is`;
  await target.restore(app);
  await save({ unproven: record().unproven.filter((other) => other !== app) });
  return `the ${app} app runs its previous package again`;
}

function staged({ staged: found }: DeploymentRun): AppPackage {
  if (!found) throw new Error('the step package has not run');
  return found;
}

async function gatewayOf({ target }: DeploymentRun): Promise<GatewayAccess> {
  const gateway = await target.gateway();
  if (gateway) return gateway;
  throw new LocalError('the environment names no origins of the apps: it is not provisioned');
}
