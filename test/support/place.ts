import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ports, portsFor } from '../../infra/local/defaults.ts';
import { requireFreePorts } from '../../infra/local/ports.ts';

/** Where one topology can run beside others: ports that nobody uses, and a folder of its own. */
export interface TestPlace {
  readonly portOffset: number;
  readonly ports: Ports;
  readonly dataDir: string;
  remove(): Promise<void>;
}

/**
 * Every port stays below those that systems hand out by themselves, and with this step no port of one place can be
 * another port of another.
 */
const offsets = { from: 10_000, steps: 604, step: 21 };

export async function testPlace(): Promise<TestPlace> {
  const portOffset = await freeOffset();
  const dataDir = await mkdtemp(join(tmpdir(), 'topology-'));
  return {
    portOffset,
    ports: portsFor(portOffset),
    dataDir,
    remove: () => rm(dataDir, { recursive: true, force: true, maxRetries: 5 }),
  };
}

async function freeOffset(): Promise<number> {
  for (let tries = 0; tries < 50; tries++) {
    // Random, so that test files that run side by side do not try the same ones.
    const offset = offsets.from + Math.floor(Math.random() * offsets.steps) * offsets.step;
    const free = await requireFreePorts(Object.entries(portsFor(offset)), offset).then(
      () => true,
      () => false,
    );
    if (free) return offset;
  }
  throw new Error('No free ports');
}

export interface FoundProcess {
  readonly pid: number;
  readonly command: string;
}

/** Processes of a topology at this place, found by the ports on their command lines. */
export function processesAt({ ports }: Pick<TestPlace, 'ports'>): FoundProcess[] {
  // Redis writes its address over its command line.
  const wanted = new RegExp(`([Pp]ort |redis-server 127.0.0.1:)(${Object.values(ports).join('|')})( |$)`);
  return execFileSync('ps', ['-A', '-ww', '-o', 'pid=,args='], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => wanted.test(line))
    .map((line) => ({ pid: Number.parseInt(line, 10), command: line.trim() }));
}
