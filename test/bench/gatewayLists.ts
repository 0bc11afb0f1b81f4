import { message, startFront } from './front.ts';
import { load } from './load.ts';

const SERVERS = 20;
/** As many as a server may have; two are its own anyway. */
const TOOLS = 500;
const GOAL_MS = 25;

/** How long the first page of `tools/list` takes where a tenant has 10,000 tools. */
export async function benchGatewayLists(): Promise<void> {
  const front = await startFront(SERVERS, TOOLS - 2);
  try {
    const target = front.at(front.topology.urls.mcp, '/mcp', message('tools/list', {}));
    const { p50Ms, p99Ms, bytes } = await load(target, 1, 4);
    console.log(`\ntools/list, ${SERVERS * TOOLS} tools`);
    console.log(
      `  first page  p50 ${p50Ms.toFixed(2)} ms (goal ${GOAL_MS})  p99 ${p99Ms.toFixed(2)} ms  ${(bytes / 1024).toFixed(0)} KiB`,
    );
  } finally {
    await front.stop();
  }
}
