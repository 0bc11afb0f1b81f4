import { type App, ConfigError } from '../../platform/config/config.ts';

/** The agents and the app that is home to each. One Service Bus queue each, named as the agent. */
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

/** The agent that a setting names. @throws ConfigError when there is none. */
export function namedAgent(name: string, setting: string): Agent {
  const agent = agentNames.find((known) => known === name);
  if (agent === undefined) throw new ConfigError(`${setting}: names an agent that there is not`);
  return agent;
}
