import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { LATEST_MODERN } from '../../shared/gateway/protocol/versions.ts';
import { ownEnvelope } from '../../shared/gateway/upstream/modern.ts';
import { managementApi } from '../support/managementApi.ts';
import { startTestTopology, type TestTopology } from '../support/topology.ts';
import type { Target } from './load.ts';
import { message } from './mcpClient.ts';
import { costOf, listenerOn, type ProcessCost } from './processCost.ts';

/** The gateway in front of the bare servers of `upstream.ts`, as `npm start` runs it. */
export interface Front {
  readonly topology: TestTopology;
  /** Of the bare servers of the 2025 era, which are registered as `bare-0`, `bare-1` and so on. */
  readonly urls: readonly string[];
  /** Of the bare server of the 2026 era, which is registered as `modern`. */
  readonly modernUrl: string;
  /** A POST of one of the bodies, with a user's token. */
  readonly at: (origin: string, path: string, ...bodies: string[]) => Target;
  /** A call of a tool by a client of 2026-07-28. */
  readonly modernCall: (origin: string, name: string) => Target;
  /** Starts another process of this folder, which says one thing. */
  readonly start: (file: string, ...args: string[]) => Promise<unknown>;
  /** What the process of the mcp app has cost so far. */
  readonly cost: () => ProcessCost;
  readonly stop: () => Promise<void>;
}

export async function startFront(
  servers: number,
  moreTools = 0,
  options: Parameters<typeof startTestTopology>[0] = {},
): Promise<Front> {
  const children: ChildProcess[] = [];
  const topology = await startTestTopology(options);
  const stop = async () => {
    await topology.stop();
    for (const child of children) child.kill();
  };
  const start = async (file: string, ...args: string[]): Promise<unknown> => {
    // Options of this process, such as those of a profiler, are not theirs.
    const child = fork(join(import.meta.dirname, file), args, { execArgv: [] });
    children.push(child);
    const [said] = (await once(child, 'message')) as [unknown];
    return said;
  };
  try {
    const urls = (await start(
      'upstream.ts',
      'legacy',
      String(servers),
      String(moreTools),
    )) as readonly string[];
    const [modernUrl = ''] = (await start('upstream.ts', 'modern')) as readonly string[];
    const admin = managementApi(topology.urls.management, await topology.mint({ role: 'Admin' }));
    const named = urls.map((url, index) => ({ slug: `bare-${index}`, url }));
    for (const server of [...named, { slug: 'modern', url: modernUrl }]) {
      const { body } = await admin.post('/servers?wait=20', server);
      if (body['status'] !== 'active') throw new Error(`the upstream is ${JSON.stringify(body)}`);
    }
    const headers = {
      authorization: `Bearer ${await topology.mint({ role: 'User' })}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
    };
    return {
      topology,
      urls,
      modernUrl,
      at: (origin, path, ...bodies) => ({ origin, path, method: 'POST', headers, bodies }),
      modernCall: (origin, name) => ({
        origin,
        path: '/mcp',
        method: 'POST',
        headers: {
          ...headers,
          'mcp-protocol-version': LATEST_MODERN,
          'mcp-method': 'tools/call',
          'mcp-name': name,
        },
        bodies: [message('tools/call', { name, arguments: { text: 'hello' }, _meta: ownEnvelope })],
      }),
      start,
      cost: () => costOf(listenerOn(topology.ports.mcp)),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

export const toolCall = (name: string): string =>
  message('tools/call', { name, arguments: { text: 'hello' } });

/** A POST where there is none is answered by the function that takes everything else: it does nothing, and calls nobody. */
export const emptyFunction = ({ at, topology }: Front): Target => ({
  ...at(topology.urls.mcp, '/health', toolCall('echo')),
  expected: 405,
});
