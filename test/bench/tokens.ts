import { join } from 'node:path';
import { loadSealingKey } from '../../infra/local/dataFolder.ts';
import { defaultTenant, defaultUser } from '../../infra/local/defaults.ts';
import { createAccessTokenSigner } from '../../shared/identity/tokens/accessTokenSigner.ts';
import { systemClock } from '../../shared/platform/base/clock.ts';
import { randomId } from '../../shared/platform/base/ids.ts';
import { type Front, startFront, toolCall } from './front.ts';
import { load } from './load.ts';

/** A call with a token of the gateway costs no more than one with a token of Entra. */
const GOAL = 1;
const ROUNDS = 9;
const CONNECTIONS = 16;

/** `tools/call` with a token of the gateway's own against one of Entra, in turns: the medians of the ratios of the rounds. */
export async function benchTokens(seconds = 3): Promise<void> {
  const front = await startFront(1);
  try {
    const withEntra = front.at(front.topology.urls.mcp, '/mcp', toolCall('bare-0__echo'));
    const authorization = `Bearer ${await gatewayToken(front)}`;
    const withGateway = { ...withEntra, headers: { ...withEntra.headers, authorization } };
    const measure = async (target: typeof withEntra) => {
      const before = front.cost().cpuMs;
      const { perSecond, calls } = await load(target, CONNECTIONS, seconds);
      return { perSecond, cpuMs: (front.cost().cpuMs - before) / calls };
    };
    const [cpu, rate]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      const isEntraFirst = round % 2 === 0;
      const first = await measure(isEntraFirst ? withEntra : withGateway);
      const second = await measure(isEntraFirst ? withGateway : withEntra);
      const [entra, own] = isEntraFirst ? [first, second] : [second, first];
      cpu.push(own.cpuMs / entra.cpuMs);
      rate.push(own.perSecond / entra.perSecond);
    }
    console.log(`\ntools/call with a token of the gateway against one of Entra, ${CONNECTIONS} connections`);
    console.log(`  CPU of the app for each call: ${spread(cpu)} of it (goal ${GOAL.toFixed(2)})`);
    console.log(`  calls a second: ${spread(rate)} of it`);
  } finally {
    await front.stop();
  }
}

async function gatewayToken({ topology }: Front): Promise<string> {
  const publicOrigin = topology.urls.mcp;
  const sealingKeys = [await loadSealingKey(join(topology.dataDir, 'sealingKey'))];
  const signer = createAccessTokenSigner(
    { publicOrigin, sealingKeys },
    { clock: systemClock, newId: randomId },
  );
  return signer.sign({
    actor: {
      tenantId: defaultTenant,
      userId: defaultUser,
      clientId: 'https://client.example/metadata.json',
      roles: ['User'],
      grantId: randomId(),
    },
    audience: `${publicOrigin}/mcp`,
    expiresAt: Date.now() + 3_600_000,
  });
}

/** The median, and between what it lies. */
function spread(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number) => (sorted[index] ?? Number.NaN).toFixed(2);
  return `${at(sorted.length >> 1)} (${at(0)} to ${at(sorted.length - 1)})`;
}
