import type { Agent } from '../model/agents.ts';
import { type QualityGates, gateSteps } from './qualityGates.ts';
import type { TaskCatalogue } from '../tasks/taskCatalogue.ts';
import type { StepDefinition } from '../model/plan.ts';
import { inOrder } from '../model/stepGraph.ts';

/** Its end is an event. */
export const DEPLOYMENT_PLAN = 'deployment';

/** A plan that can be asked for by its name. */
export interface NamedPlan {
  readonly name: string;
  readonly description: string;
  /** Its steps, for those who want to know and for the question whether all of them can be carried out. */
  readonly steps: readonly StepDefinition[];
}

export const HEALTH_PLAN = 'comprehensive_health_check';
export const REPORT_PLAN = 'system_report';

const step = (task: string, agent: Agent, more: Partial<StepDefinition> = {}): StepDefinition => ({
  id: task,
  agent,
  task,
  input: {},
  ...more,
});

const authenticate = step('authenticate_admin', 'mcp-security-auditor');
const validate = step('validate_server_config', 'fastmcp-specialist');
const audit = step('audit_registration', 'mcp-security-auditor');

/** A look at each part of the system, all at once, each within its time. */
const healthChecks = (
  [
    ['database_health', 'check_database_performance', 'mcp-performance-optimizer', 5],
    ['redis_health', 'check_redis_connectivity', 'mcp-performance-optimizer', 3],
    ['management_server_health', 'check_management_endpoints', 'mcp-debugger', 10],
    ['mcp_server_health', 'check_oauth_proxy_status', 'fastmcp-specialist', 8],
    ['azure_oauth_health', 'validate_azure_connectivity', 'mcp-security-auditor', 15],
  ] as const
).map(([id, task, agent, seconds]) =>
  step(task, agent, { id, timeoutMs: seconds * 1000, severity: 'warning', onFailure: 'continue' }),
);

const reports = (
  [
    ['security_status', 'generate_security_report', 'mcp-security-auditor'],
    ['performance_metrics', 'generate_performance_report', 'mcp-performance-optimizer'],
    ['system_health', 'generate_diagnostic_report', 'mcp-debugger'],
    ['deployment_status', 'generate_deployment_report', 'mcp-deployment-specialist'],
    ['protocol_compliance', 'generate_compliance_report', 'mcp-protocol-expert'],
  ] as const
).map(([id, task, agent]) => step(task, agent, { id, severity: 'warning', onFailure: 'continue' }));

/** Every plan that has a name. The gates among them are those of the settings too. */
export const namedPlans = (gates: QualityGates): readonly NamedPlan[] => [
  {
    name: 'server_registration_with_auth',
    description: 'Registers a server: authentication, validation, entry into the registry, audit.',
    steps: inOrder([authenticate, validate, step('update_registry', 'mcp-orchestrator'), audit]),
  },
  {
    name: 'server_update',
    description: 'Validates a registered server anew and enters what changed.',
    steps: inOrder([authenticate, validate, audit, step('update_server', 'mcp-orchestrator')]),
  },
  {
    name: 'server_removal',
    description: 'Takes a server out of the registry.',
    steps: inOrder([authenticate, audit, step('remove_server', 'mcp-orchestrator')]),
  },
  {
    name: 'bulk_server_registration',
    description: 'Registers up to 500 servers within the budget of the resource pools.',
    steps: inOrder([authenticate, step('register_servers', 'mcp-orchestrator')]),
  },
  ...Object.entries(gates).map(([name, checks]) => ({
    name,
    description: `The quality gate of ${checks.length} checks: ${checks.map(({ check }) => check).join(', ')}.`,
    steps: gateSteps(checks),
  })),
  {
    name: HEALTH_PLAN,
    description: 'Looks at storage, Redis, both apps and sign-in at once.',
    steps: healthChecks,
  },
  {
    name: REPORT_PLAN,
    description: 'The reports of five specialists, at once.',
    steps: reports,
  },
  {
    name: DEPLOYMENT_PLAN,
    description: 'The gate before a deployment, the ordered plan of the deployment, the gate after it.',
    steps: inOrder([
      ...gateSteps(gates['pre_deployment'] ?? []),
      step('production_deployment', 'mcp-deployment-specialist'),
      ...gateSteps(gates['post_deployment'] ?? []),
    ]),
  },
];

/** The tasks of a plan that nobody can carry out yet; a plan without any is available. */
export const missingTasks = ({ steps }: NamedPlan, catalogue: TaskCatalogue): readonly string[] =>
  steps.filter(({ agent, task }) => !catalogue.find(agent, task)).map(({ task }) => task);
