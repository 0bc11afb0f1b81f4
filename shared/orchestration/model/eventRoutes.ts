import { type Config, ConfigError } from '../../platform/config/config.ts';
import { type Agent, namedAgent } from './agents.ts';

/** Types of events, each with the agents that are told of it. */
export type EventRoutes = Readonly<Record<string, readonly Agent[]>>;

export const standardRoutes = {
  authentication_failure: ['mcp-security-auditor', 'mcp-debugger'],
  performance_degradation: ['mcp-performance-optimizer', 'mcp-debugger'],
  deployment_status: ['mcp-deployment-specialist', 'mcp-orchestrator'],
  protocol_violation: ['mcp-protocol-expert', 'mcp-debugger'],
} as const satisfies EventRoutes;

/** The standard routes and those of the settings. @throws ConfigError where these name an agent that is not there. */
export function routesOf(configured: Config['eventRoutes']): EventRoutes {
  const own = Object.entries(configured).map(([type, names]): [string, readonly Agent[]] => {
    if (Object.hasOwn(standardRoutes, type))
      throw new ConfigError(`MREG_EVENT_ROUTES: the type ${type} is a standard one`);
    return [type, [...new Set(names)].map((name) => namedAgent(name, 'MREG_EVENT_ROUTES'))];
  });
  return { ...standardRoutes, ...Object.fromEntries(own) };
}

/** The task by which an agent deals with an event. */
export const handlerOf = (type: string): string => `handle_${type}`;
