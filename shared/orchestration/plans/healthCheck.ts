import { HEALTH_PLAN } from '../model/plan.ts';
import { defineFixedPlan, step } from './namedPlan.ts';

/**
 * Checks each part of the system, all at once. It holds nothing of the resource pools, since health is asked for just when they
 * are exhausted.
 */
export const healthCheckPlan = defineFixedPlan({
  name: HEALTH_PLAN,
  description: 'Checks storage, Redis, both apps and sign-in at once.',
  steps: (
    [
      ['database_health', 'check_database_performance', 'mcp-performance-optimizer', 5],
      ['redis_health', 'check_redis_connectivity', 'mcp-performance-optimizer', 3],
      ['management_server_health', 'check_management_endpoints', 'mcp-debugger', 10],
      ['mcp_server_health', 'check_oauth_proxy_status', 'fastmcp-specialist', 8],
      ['azure_oauth_health', 'validate_azure_connectivity', 'mcp-security-auditor', 15],
    ] as const
  ).map(([id, task, agent, seconds]) =>
    step(task, agent, { id, timeoutMs: seconds * 1000, severity: 'warning', onFailure: 'continue' }),
  ),
});
