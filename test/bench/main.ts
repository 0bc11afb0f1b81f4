import { benchGateway } from './gateway.ts';
import { benchGatewayLists } from './gatewayLists.ts';
import { benchGatewayMemory } from './gatewayMemory.ts';
import { benchHostileServers } from './hostileServers.ts';
import { benchOrchestration } from './orchestration.ts';
import { benchRegistry } from './registry.ts';
import { benchServers } from './servers.ts';
import { printServiceBus } from './serviceBus.ts';
import { benchTokens } from './tokens.ts';

/** `npm run bench`: every measurement, one after the other. They are for reading, not for passing. */
await benchGateway();
await benchGatewayLists();
await benchGatewayMemory();
await benchTokens();
await benchHostileServers();
await benchOrchestration();
await benchRegistry();
await benchServers();
await printServiceBus();
