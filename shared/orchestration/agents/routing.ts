import type { Agent } from '../model/agents.ts';

/** Which agent takes a delegation that names no agent, by its type of task. */
export const routingMatrix = {
  // Security and sign-in
  azure_oauth_setup: 'mcp-security-auditor',
  jwt_token_validation: 'mcp-security-auditor',
  role_based_access: 'mcp-security-auditor',
  audit_trail_analysis: 'mcp-security-auditor',
  // The mcp app
  oauth_proxy_integration: 'fastmcp-specialist',
  middleware_chain_setup: 'fastmcp-specialist',
  structured_responses: 'fastmcp-specialist',
  type_caching_optimization: 'fastmcp-specialist',
  // Finding faults
  dual_server_debugging: 'mcp-debugger',
  authentication_failures: 'mcp-debugger',
  middleware_issues: 'mcp-debugger',
  database_connection_issues: 'mcp-debugger',
  // Deployment
  azure_container_deployment: 'mcp-deployment-specialist',
  docker_orchestration: 'mcp-deployment-specialist',
  environment_configuration: 'mcp-deployment-specialist',
  production_deployment: 'mcp-deployment-specialist',
  // Speed
  database_query_optimization: 'mcp-performance-optimizer',
  redis_caching_strategy: 'mcp-performance-optimizer',
  oauth_token_performance: 'mcp-performance-optimizer',
  middleware_performance: 'mcp-performance-optimizer',
  // Protocol
  mcp_specification_compliance: 'mcp-protocol-expert',
  json_rpc_optimization: 'mcp-protocol-expert',
  transport_layer_tuning: 'mcp-protocol-expert',
  capability_negotiation: 'mcp-protocol-expert',
} as const satisfies Record<string, Agent>;

export type TaskType = keyof typeof routingMatrix;
export const taskTypes = Object.keys(routingMatrix) as readonly TaskType[];
