import path from 'node:path';
import { parseArgs } from 'node:util';
import { runChild } from '../../local/childProcess.ts';
import { startHost, type HostOptions } from './functionsHost.ts';

const USAGE = 'usage: main.ts --port PORT [--root DIR] [--serving direct|proxy]';

function readOptions(): HostOptions {
  const { values } = parseArgs({
    options: {
      port: { type: 'string' },
      root: { type: 'string', default: '.' },
      serving: { type: 'string', default: 'direct' },
    },
  });
  const { serving } = values;
  const port = Number(values.port);
  if (!/^\d+$/.test(values.port ?? '') || port > 65_535) throw new Error(USAGE);
  if (serving !== 'direct' && serving !== 'proxy') throw new Error(USAGE);
  return { port, root: path.resolve(values.root), serving };
}

await runChild('Functions host', () => startHost(readOptions()));
