import { type App, ConfigError } from '../../platform/config/config.ts';

/** The agents, each with its home app. Each agent has one Service Bus queue of the same name. */
export const agents = {
  'mcp-orchestrator': 'management',
  'mcp-security-auditor': 'mcp',
  'fastmcp-specialist': 'mcp',
  'mcp-debugger': 'management',
  'mcp-deployment-specialist': 'management',
  'mcp-performance-optimizer': 'management',
  'mcp-protocol-expert': 'management',
} as const satisfies Record<string, App>;

export type Agent = keyof typeof agents;
export const agentNames = Object.keys(agents) as readonly Agent[];

/** Returns the agent that a setting names. @throws ConfigError for an unknown agent. */
export function namedAgent(name: string, setting: string): Agent {
  const agent = agentNames.find((known) => known === name);
  if (agent === undefined)
    throw new ConfigError(`${setting}: unknown agent; known agents: ${agentNames.join(', ')}`);
  return agent;
}
