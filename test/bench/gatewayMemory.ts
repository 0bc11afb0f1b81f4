import { emptyFunction, type Front, startFront, toolCall } from './front.ts';
import { count, type Target } from './load.ts';

const CALLS = 100_000;
const CONNECTIONS = 16;

/**
 * What memory the process of the mcp app holds after many calls: first after calls of a function that does nothing, then, in
 * a new process, after calls of a tool.
 */
export async function benchGatewayMemory(): Promise<void> {
  const front = await startFront(1);
  try {
    console.log(`\nmemory of the mcp app, ${CONNECTIONS} connections`);
    await printMemory('empty function', emptyFunction(front), CALLS / 5, front);
    await front.topology.restart('mcp');
    await printMemory(
      'gateway',
      front.at(front.topology.urls.mcp, '/mcp', toolCall('bare-0__echo')),
      CALLS,
      front,
    );
  } finally {
    await front.stop();
  }
}

async function printMemory(name: string, target: Target, calls: number, { cost }: Front): Promise<void> {
  const residentMb = [cost().residentMb];
  for (let part = 0; part < 5; part++) {
    await count(target, CONNECTIONS, calls / 5);
    residentMb.push(cost().residentMb);
  }
  const told = residentMb.map((mb, part) => `${((part * calls) / 5).toFixed(0)}: ${mb.toFixed(0)}`);
  console.log(`  ${name.padEnd(15)} MB after calls: ${told.join(', ')}`);
}
