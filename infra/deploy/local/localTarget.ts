import { cp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../../shared/platform/base/json.ts';
import type { App } from '../../../shared/platform/config/config.ts';
import { localOrigin, portsFor } from '../../local/defaults.ts';
import { controlFile, deploymentFolder, packageFolder } from '../../local/deployments.ts';
import { LocalError } from '../../local/localError.ts';
import { mintAt } from '../../local/mint.ts';
import { placeArguments } from '../../local/options.ts';
import type { TargetOptions } from '../options.ts';
import { deploymentOrder, type DeploymentTarget, type GatewayAccess, readRecordIn } from '../target.ts';

const SETTLES_WITHIN_MS = 20_000;
/** Longer than the local topology waits until an app is ready. */
const CONTROL_WITHIN_MS = 60_000;

const controlSchema = z.object({ port: z.int(), token: z.string() });

/** The apps of a topology that `npm start -- --without-apps` runs. What it keeps lives as long as that start. */
export function localTarget({ portOffset, dataDir }: TargetOptions): DeploymentTarget {
  const place = placeArguments({ portOffset, dataDir });
  const ports = portsFor(portOffset);
  const recordFile = join(deploymentFolder(dataDir), 'record.json');
  const previousFolder = (app: App) => join(deploymentFolder(dataDir), app, 'previous');

  /** Sends a request to the control server of the topology. @throws LocalError when nothing answers. */
  async function ask(method: 'GET' | 'POST', path: string, signal?: AbortSignal): Promise<Response> {
    const { port, token } = await readControl(dataDir, place);
    const timeout = AbortSignal.timeout(CONTROL_WITHIN_MS);
    return fetch(`${localOrigin(port)}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    }).catch((cause: unknown) => {
      signal?.throwIfAborted();
      throw notRunning(place, cause);
    });
  }

  async function control(app: App, verb: 'start' | 'stop', signal?: AbortSignal): Promise<void> {
    const response = await ask('POST', `/apps/${app}/${verb}`, signal);
    if (!response.ok) throw new LocalError(`the ${app} app did not ${verb}: ${await response.text()}`);
  }

  /** Stops the app, replaces its package, and starts it. */
  async function replace(app: App, from: string, signal?: AbortSignal): Promise<void> {
    await control(app, 'stop', signal);
    await copyFolder(from, packageFolder(dataDir, app));
    await control(app, 'start', signal);
  }

  const access: GatewayAccess = {
    origins: { management: localOrigin(ports.management), mcp: localOrigin(ports.mcp) },
    token: () => mintAt(ports.issuer, { role: 'Admin' }),
    async countFunctions(app) {
      const log = await readFile(join(dataDir, 'logs', `${app}.log`), 'utf8').catch(() => '');
      const counts = [...log.matchAll(/^Functions host on \S+: (\d+) functions?$/gm)];
      return Number(counts.at(-1)?.[1] ?? 0);
    },
    settlesWithinMs: SETTLES_WITHIN_MS,
  };
  return {
    async validate() {
      const { ok, status } = await ask('GET', '/apps');
      // A start that was killed leaves the file behind, and another program may have its port.
      if (!ok) throw notRunning(place, `status ${status}`);
      await access.token();
      return `the local topology in ${dataDir}`;
    },
    // `npm start` has made everything but the apps.
    provision: () => Promise.resolve(),
    async gateway() {
      const deployed = await Promise.all(deploymentOrder.map((app) => isFolder(packageFolder(dataDir, app))));
      return deployed.includes(true) ? access : undefined;
    },
    async keep(app) {
      const current = packageFolder(dataDir, app);
      if (!(await isFolder(current))) return false;
      await copyFolder(current, previousFolder(app));
      return true;
    },
    deploy: (app, { folder }, signal) => replace(app, folder, signal),
    restore: (app) => replace(app, previousFolder(app)),
    async readRecord() {
      const text = await readFile(recordFile, 'utf8').catch((error: unknown) => {
        if (codeOf(error) === 'ENOENT') return undefined;
        throw unusable(recordFile, error);
      });
      return text === undefined ? undefined : readRecordIn(text, recordFile);
    },
    async writeRecord(record) {
      const aside = `${recordFile}.${process.pid}`;
      try {
        await writeFile(aside, JSON.stringify(record));
        await rename(aside, recordFile);
      } catch (error) {
        await rm(aside, { force: true });
        throw unusable(recordFile, error);
      }
    },
  };
}

/** Copies beside the folder and renames, so that a process that dies leaves a whole copy or none. */
async function copyFolder(from: string, to: string): Promise<void> {
  try {
    await rm(`${to}.new`, { recursive: true, force: true });
    await cp(from, `${to}.new`, { recursive: true });
    await rm(to, { recursive: true, force: true });
    await rename(`${to}.new`, to);
  } catch (error) {
    throw unusable(to, error);
  }
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

async function readControl(dataDir: string, place: string): Promise<z.infer<typeof controlSchema>> {
  const text = await readFile(controlFile(dataDir), 'utf8').catch((cause: unknown) => {
    throw notRunning(place, cause);
  });
  const found = controlSchema.safeParse(parseJson(text));
  if (found.success) return found.data;
  throw notRunning(place, found.error);
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;

const unusable = (file: string, cause: unknown): LocalError =>
  new LocalError(`${file} cannot be used: ${String(codeOf(cause) ?? cause)}`, { cause });

function notRunning(place: string, cause: unknown): LocalError {
  const message = `No local topology takes deployments. Start one: npm start -- --without-apps${place}`;
  return new LocalError(message, { cause });
}
