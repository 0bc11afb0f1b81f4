import { benchAudit } from './audit.ts';
import { benchGoals } from './benchGoals.ts';
import { partsOf, runCommand } from './command.ts';
import { benchGateway } from './gateway.ts';
import { benchGatewayMemory } from './gatewayMemory.ts';
import { benchHostileServers } from './hostileServers.ts';
import { benchOrchestration } from './orchestration.ts';
import { prepare } from './prepare.ts';
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

const names = Object.keys(parts);
const usage = `npm run bench [-- PART... --docs]

Without a part it measures all of them, one after the other. --docs writes the goals and the profile into docs/performance.md.
Parts: ${names.join(', ')}`;

/** `npm run bench`: every measurement, one after the other, or those that are named: `npm run bench -- goals calls`. */
await runCommand(usage, async (args) => {
  const named = partsOf(args, names);
  await prepare();
  for (const name of named) await parts[name]?.();
});
