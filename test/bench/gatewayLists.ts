import { startFront } from './front.ts';
import type { Measured } from './goals.ts';
import { load } from './load.ts';
import { message } from './mcpClient.ts';

const SERVERS = 20;
/** As many as a server may have; two are its own anyway. */
const TOOLS = 500;
const ROUNDS = 4;
const SECONDS = 2;

/** How long the first page of `tools/list` takes where a tenant has 10,000 tools. */
export async function measureLists(): Promise<Measured> {
  const front = await startFront(SERVERS, TOOLS - 2);
  try {
    const target = front.at(front.topology.urls.mcp, '/mcp', message('tools/list', {}));
    const listPage: number[] = [];
    for (let round = 0; round < ROUNDS; round++) listPage.push((await load(target, 1, SECONDS)).p50Ms);
    return { listPage };
  } finally {
    await front.stop();
  }
}
