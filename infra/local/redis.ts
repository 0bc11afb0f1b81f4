import { setTimeout as sleep } from 'node:timers/promises';
import type { Ports } from './defaults.ts';
import { findProgram } from './findProgram.ts';
import type { ProcessSpec } from './localProcess.ts';
import { accepts, isFree } from './ports.ts';

/** Where the apps keep short-lived state. */
export type StateChoice =
  { readonly kind: 'redis'; readonly program: string } | { readonly kind: 'tables'; readonly reason: string };

/** Chooses Redis when it is installed and its port is free. A Redis that runs already may belong to another program. */
export async function chooseState(ports: Pick<Ports, 'redis'>, searchPath?: string): Promise<StateChoice> {
  const program = findProgram('redis-server', searchPath);
  if (program === undefined) return { kind: 'tables', reason: 'no redis-server on the PATH' };
  if (await isFree(ports.redis)) return { kind: 'redis', program };
  return { kind: 'tables', reason: `port ${ports.redis}, which Redis would need, is taken` };
}

/** Redis does not notice the end of its parent, so the shell that becomes Redis starts a second one that kills it then. */
const endWithParent = `exec 4<&0
{ read -r _ <&4; kill -9 $$; } 3<&- >/dev/null 2>&1 &
exec "$0" "$@" 4<&- </dev/null`;

/** Redis in memory only. `dataDir` is its working folder, where it writes nothing by itself. */
export function redisProcess(
  program: string,
  { redis: port }: Ports,
  dataDir: string,
): Pick<ProcessSpec, 'name' | 'command' | 'ready'> {
  const options = { port, bind: '127.0.0.1', dir: dataDir, save: '', appendonly: 'no' };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return {
    name: 'redis',
    command: ['/bin/sh', '-c', endWithParent, program, ...args],
    ready: async (signal) => {
      while (!(await accepts(port))) await sleep(20, undefined, { signal });
    },
  };
}

export const redisUrl = (ports: Ports): string => `redis://127.0.0.1:${ports.redis}`;
