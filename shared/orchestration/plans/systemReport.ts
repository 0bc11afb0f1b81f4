import * as z from 'zod';
import { defineFixedPlan, step } from './namedPlan.ts';

export const REPORT_PLAN = 'system_report';

/**
 * How servers are checked for a report. `gentle`: with requests that every client sends. `thorough`: also with malformed messages
 * and unknown names, which a server may log as errors or take for an attack.
 */
export const probeSchema = z.enum(['gentle', 'thorough']);

/** Collects the reports of five specialists, all at once. */
export const systemReportPlan = defineFixedPlan({
  name: REPORT_PLAN,
  description: 'The reports of five specialists, at once.',
  input: {
    schema: z.strictObject({ probe: probeSchema.default('gentle') }),
    stepInputs: ({ probe }) => ({ protocol_compliance: { input: { probe } } }),
  },
  load: { operation: 'system_report', estimatedLoad: {} },
  steps: (
    [
      ['security_status', 'generate_security_report', 'mcp-security-auditor'],
      ['performance_metrics', 'generate_performance_report', 'mcp-performance-optimizer'],
      ['system_health', 'generate_diagnostic_report', 'mcp-debugger'],
      ['deployment_status', 'generate_deployment_report', 'mcp-deployment-specialist'],
      ['protocol_compliance', 'generate_compliance_report', 'mcp-protocol-expert'],
    ] as const
  ).map(([id, task, agent]) => step(task, agent, { id, severity: 'warning', onFailure: 'continue' })),
});
