import { secondTenant } from '../../infra/local/defaults.ts';
import { hostileTools } from '../support/hostileTools.ts';
import { watchLoopDelays } from '../support/loopDelays.ts';
import { managementApi } from '../support/managementApi.ts';
import { startUpstreamServer } from '../support/upstreamServer.ts';
import { startFront, toolCall } from './front.ts';
import { load } from './load.ts';

const GOAL_LOOP_MS = 20;
/** As the queue gives an agent at once, so that there is always one at work. */
const TASKS_AT_ONCE = 4;
const CONNECTIONS = 4;
const SECONDS = 8;

/**
 * What the calls of one tenant notice while another tenant has its server judged, whose schemas take for ever: their rate and
 * latency, and how long the event loops of the apps are held up.
 */
export async function benchHostileServers(): Promise<void> {
  const delays = watchLoopDelays();
  const front = await startFront(1, 0, delays.options);
  const hostile = await startUpstreamServer(hostileTools);
  try {
    const { urls } = front.topology;
    const token = await front.topology.mint({ role: 'Admin', tenant: secondTenant });
    const attacker = managementApi(urls.management, token);
    await attacker.post('/servers?wait=20', { slug: 'hostile', url: hostile.url });
    const input = { slug: 'hostile' };
    const works = {
      'nobody else': undefined,
      structured_responses: { taskType: 'structured_responses', input },
      'protocol expert': { agent: 'mcp-protocol-expert', task: 'mcp_specification_compliance', input },
    };
    console.log(
      `\na tool's calls beside a hostile server (goal: loop delay under ${GOAL_LOOP_MS} ms, p99 at most doubled)`,
    );
    for (const [name, work] of Object.entries(works)) {
      const over = new AbortController();
      const repeat = async () => {
        for (; work && !over.signal.aborted; tasks++) await attacker.post('/delegations?wait=30', work);
      };
      let tasks = 0;
      const attacks = Array.from({ length: TASKS_AT_ONCE }, repeat);
      delays.take('mcp');
      delays.take('management');
      const { perSecond, p50Ms, p99Ms } = await load(
        front.at(urls.mcp, '/mcp', toolCall('bare-0__echo')),
        CONNECTIONS,
        SECONDS,
      );
      const held = (['mcp', 'management'] as const).map((app) => `${app} ${told(delays.take(app))}`);
      over.abort();
      await Promise.all(attacks);
      const figures = `${perSecond.toFixed(0)} calls/s, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`;
      console.log(`  ${name.padEnd(21)} ${figures}; loop delay: ${held.join(', ')}; ${tasks} tasks`);
    }
  } finally {
    await front.stop();
    await hostile.close();
  }
}

/** Of the longest delays of each quarter of a second. */
function told(delays: readonly number[]): string {
  const sorted = [...delays].sort((a, b) => a - b);
  const at = (share: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN).toFixed(0);
  return `${at(0.5)} ms in the middle, ${at(1)} ms at most`;
}
