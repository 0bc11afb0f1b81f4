import { benchGateway } from './gateway.ts';
import { benchOrchestration } from './orchestration.ts';
import { benchRegistry } from './registry.ts';
import { benchServers } from './servers.ts';
import { printServiceBus } from './serviceBus.ts';

/** `npm run bench`: every measurement, one after the other. They are for reading, not for passing. */
await benchGateway();
await benchOrchestration();
await benchRegistry();
await benchServers();
await printServiceBus();
