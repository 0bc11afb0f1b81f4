import { benchAudit } from './audit.ts';
import { benchGoals } from './benchGoals.ts';
import { benchGateway } from './gateway.ts';
import { benchGatewayMemory } from './gatewayMemory.ts';
import { benchHostileServers } from './hostileServers.ts';
import { benchOrchestration } from './orchestration.ts';
import { benchProfile } from './profile.ts';
import { benchRegistry } from './registry.ts';
import { benchServers } from './servers.ts';
import { printServiceBus } from './serviceBus.ts';
import { benchTokens } from './tokens.ts';

const parts: Readonly<Record<string, () => Promise<void>>> = {
  goals: benchGoals,
  calls: benchGateway,
  profile: benchProfile,
  memory: benchGatewayMemory,
  tokens: benchTokens,
  audit: () => benchAudit(),
  hostile: benchHostileServers,
  delegations: benchOrchestration,
  registry: benchRegistry,
  servers: benchServers,
  queues: printServiceBus,
};

/** `npm run bench`: every measurement, one after the other, or those that are named: `npm run bench -- goals calls`. */
const named = process.argv.slice(2).filter((argument) => argument !== '--docs');
for (const name of named.length > 0 ? named : Object.keys(parts)) {
  const bench = parts[name];
  if (!bench) throw new Error(`unknown part "${name}"; known parts: ${Object.keys(parts).join(', ')}`);
  await bench();
}
