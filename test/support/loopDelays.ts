import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { TopologyOptions } from '../../infra/local/topology.ts';

/** How long the event loops of the apps of a topology were held up, of the apps that are started with these options. */
export interface LoopDelays {
  readonly options: Pick<TopologyOptions, 'settings' | 'onLine'>;
  /** In milliseconds, each the longest of a quarter of a second. Forgets them. */
  take(app: 'management' | 'mcp'): readonly number[];
}

export function watchLoopDelays(): LoopDelays {
  const delays = { management: [] as number[], mcp: [] as number[] };
  const probe = pathToFileURL(join(import.meta.dirname, 'processes/loopDelay.ts')).href;
  return {
    options: {
      settings: { NODE_OPTIONS: `--import=${probe}` },
      onLine(_name, _stream, line) {
        const [, app, ms] = /loop_delay_ms (management|mcp) ([\d.]+)/.exec(line) ?? [];
        if (app === 'management' || app === 'mcp') delays[app].push(Number(ms));
      },
    },
    take: (app) => delays[app].splice(0),
  };
}
