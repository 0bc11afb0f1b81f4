import { z } from 'zod';
import { parseJson } from '../../shared/platform/base/json.ts';
import type { App } from '../../shared/platform/config/config.ts';
import { LocalError } from '../local/localError.ts';

/**
 * The apps in the order of their deployment. The mcp app reads what the management app writes, so it gets a new form first.
 * A rollback has the reverse order.
 */
export const deploymentOrder = ['mcp', 'management'] as const satisfies readonly App[];

/** A staged package: the folder that both apps are deployed from, and the build in its `dist/build.json`. */
export interface AppPackage {
  readonly folder: string;
  readonly build: string;
}

/** A gateway that was provisioned. Its apps need not run. */
export interface GatewayAccess {
  readonly origins: Readonly<Record<App, string>>;
  /** Returns an access token of an administrator of the first tenant. */
  token(): Promise<string>;
  /** Returns how many functions the host of an app has found. */
  countFunctions(app: App): Promise<number>;
  /** Time in ms in which all instances of both apps run a new build, and their hosts list its functions. */
  readonly settlesWithinMs: number;
}

/**
 * Where the gateway is deployed to. Every method throws `LocalError` for what a person can correct. After a process died
 * in any of them, all of them can be called again.
 */
export interface DeploymentTarget {
  /** Changes nothing. Returns one line that says where the deployment goes. */
  validate(): Promise<string>;
  provision(signal: AbortSignal): Promise<void>;
  /** Returns `undefined` until the environment is provisioned, and until an app is deployed to a local topology. */
  gateway(): Promise<GatewayAccess | undefined>;
  /** Copies the package that the app runs to a place that survives this machine. Returns false where there is none. */
  keep(app: App): Promise<boolean>;
  deploy(app: App, from: AppPackage, signal: AbortSignal): Promise<void>;
  /** Deploys the package that `keep` has copied. */
  restore(app: App): Promise<void>;
  /** Returns the record of the last deployment, or `undefined` where there was none. */
  readRecord(): Promise<DeploymentRecord | undefined>;
  writeRecord(record: DeploymentRecord): Promise<void>;
}

const appsSchema = z.array(z.enum(deploymentOrder));

/** Nothing in a record can write to the terminal that shows it. */
const word = z.string().regex(/^\P{C}{0,255}$/u);

/** The last deployment to an environment. A deployment that was killed has the outcome `running`. */
export const recordSchema = z.object({
  id: word,
  environment: word,
  /** Empty until the package is staged. */
  build: word,
  startedAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  /** The process that deploys. */
  host: word,
  pid: z.int().positive(),
  step: word,
  outcome: z.enum(['running', 'succeeded', 'failed', 'rolled_back', 'rollback_failed']),
  /** The apps whose package from before is kept. */
  kept: appsSchema,
  /** The apps that run, or may run, a package of which no deployment has ended well. */
  unproven: appsSchema,
});
export type DeploymentRecord = z.infer<typeof recordSchema>;

/** Returns the record in a text. @throws LocalError that says what to do with a record that is none. */
export function readRecordIn(text: string, where: string): DeploymentRecord {
  const found = recordSchema.safeParse(parseJson(text));
  if (found.success) return found.data;
  throw new LocalError(
    `the record of the last deployment cannot be read: ${where}. When nobody deploys, make sure that both apps run ` +
      'a build that works, delete the record, and deploy again',
  );
}
