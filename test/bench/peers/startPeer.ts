import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { accepts } from '../../../infra/local/ports.ts';
import { freePort } from '../../support/freePort.ts';
import type { Era } from '../bareServer.ts';
import type { Endpoint } from '../mcpClient.ts';
import { costOf } from '../processCost.ts';
import type { Peer } from './peers.ts';

const programs = join(import.meta.dirname, 'programs');
const folder = join(import.meta.dirname, '../../../.local/bench-peers');
const START_SECONDS = 20;

const children = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of children) child.kill();
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

/** A peer that runs. */
export interface RunningPeer {
  readonly endpoint: Endpoint;
  /** Of its process, without those that it starts itself. */
  cpuMs(): number;
  stop(): void;
}

/**
 * Installs the packages of the peers in a folder that git ignores, and puts the programs of this folder beside them. Returns the
 * folder. It is the user's own, since code from it is run. No script of a package runs.
 */
export function installPeers(wanted: readonly Peer[]): string {
  mkdirSync(folder, { recursive: true });
  // Without a package.json here npm would install into the project around it.
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true }));
  const packages = new Set(wanted.flatMap(({ package: name }) => name ?? []));
  console.error(`Installing ${[...packages].join(', ')} from the npm registry in ${folder}`);
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  execFileSync(
    npm,
    ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', ...packages],
    { cwd: folder, stdio: 'inherit', shell: process.platform === 'win32' },
  );
  for (const file of readdirSync(programs)) copyFileSync(join(programs, file), join(folder, file));
  return folder;
}

/** Starts a peer in front of the bare server. Resolves when it listens. @throws if it does not within 20 seconds */
export async function startPeer(
  peer: Peer,
  folder: string,
  era: Era,
  upstream: string,
): Promise<RunningPeer> {
  const port = await freePort();
  const { args, env } = peer.start({ folder, era, upstream, port });
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { ...process.env, NODE_ENV: 'production', ...env },
    // What a peer prints is its own. Nobody reads it, so it costs least.
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  children.add(child);
  const stop = () => {
    children.delete(child);
    child.kill();
  };
  for (let tries = 0; !(await accepts(port)); tries++) {
    if (child.exitCode !== null || tries === START_SECONDS * 10) {
      stop();
      throw new Error(`${peer.name} does not listen: ${args.join(' ')}`);
    }
    await delay(100);
  }
  return {
    endpoint: { url: `http://127.0.0.1:${port}/mcp` },
    cpuMs: () => costOf(child.pid ?? Number.NaN).cpuMs,
    stop,
  };
}
