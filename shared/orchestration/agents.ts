import type { App } from '../platform/config.ts';

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
