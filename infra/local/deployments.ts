import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { isSameSecret } from '../../shared/platform/security/sameSecret.ts';
import { LocalError } from './localError.ts';
import { appNames, appProcesses, type Place } from './processes.ts';
import type { ProcessGroup } from './processGroup.ts';

/** The folder of everything about deployments to a local topology, inside its data folder. */
export const deploymentFolder = (dataDir: string): string => join(dataDir, 'deployment');
/** The file that says where a running topology takes deployments: `{port, token}`. */
export const controlFile = (dataDir: string): string => join(deploymentFolder(dataDir), 'control.json');
/** The folder from which a deployed app runs. */
export const packageFolder = (dataDir: string, app: (typeof appNames)[number]): string =>
  join(deploymentFolder(dataDir), app, 'current');

/** The apps that were deployed to a topology. */
export interface DeployedApps {
  /** Takes no further requests. Nothing then says where this start took them. */
  close(): Promise<void>;
}

const REQUEST = /^\/apps\/(?<app>management|mcp)\/(?<verb>start|stop)$/;

/**
 * Lets another process of this user start and stop the apps, each from its package folder: `POST /apps/{app}/start|stop`. The
 * answer comes when the app is ready, or has stopped. `GET /apps` is answered at once. The token is in a file that only this
 * user can read. Apps that were deployed to an earlier start are forgotten.
 */
export async function serveDeployments(
  group: Pick<ProcessGroup, 'start' | 'end'>,
  place: Place,
): Promise<DeployedApps> {
  const { dataDir } = place;
  await rm(deploymentFolder(dataDir), { recursive: true, force: true });
  await mkdir(deploymentFolder(dataDir), { recursive: true });
  const token = randomBytes(32).toString('base64url');

  async function act({ method, url = '' }: IncomingMessage): Promise<readonly [number, string]> {
    const { app: name, verb } = REQUEST.exec(url)?.groups ?? {};
    const app = appNames.find((known) => known === name);
    if (method === 'GET' && url === '/apps') return [200, JSON.stringify(appNames)];
    if (method !== 'POST' || !app) return [404, 'known: GET /apps, POST /apps/{management|mcp}/{start|stop}'];
    try {
      await group.end(app);
      if (verb === 'start') await group.start(appFrom(packageFolder(dataDir, app), app, place));
      return [200, `${app}: ${String(verb)} done`];
    } catch (error) {
      if (!(error instanceof LocalError)) throw error;
      // An app that is not ready in time still runs.
      await group.end(app);
      return [500, error.message];
    }
  }

  // One at a time: a command may have been killed while its request still runs.
  let last: Promise<unknown> = Promise.resolve();
  const actInTurn = (request: IncomingMessage) => {
    const acted = last.then(() => act(request));
    last = acted.catch(() => undefined);
    return acted;
  };
  const server = createServer((request, response) => {
    // Before anything waits: a web page in a browser of this machine reaches this port too.
    if (!isAllowed(request, token)) {
      response.writeHead(401, { connection: 'close' }).end('the token of control.json is required');
      return;
    }
    (request.method === 'GET' ? act(request) : actInTurn(request)).then(
      ([status, text]) => response.writeHead(status).end(text),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  await writeFile(controlFile(dataDir), JSON.stringify({ port, token }), { mode: 0o600 });
  return {
    close: async () => {
      server.close();
      server.closeAllConnections();
      // Nothing answers at the port of a file that stays.
      await rm(controlFile(dataDir), { force: true }).catch(() => undefined);
    },
  };
}

function isAllowed({ headers: { authorization = '' } }: IncomingMessage, token: string): boolean {
  return isSameSecret(authorization, `Bearer ${token}`);
}

function appFrom(appRoot: string, app: (typeof appNames)[number], place: Place) {
  const spec = appProcesses({ ...place, appRoot }).find(({ name }) => name === app);
  if (!spec) throw new Error(`the topology has no app ${app}`);
  return spec;
}
