import { type Config, ConfigError } from '../../platform/config/config.ts';
import { type Agent, namedAgent } from '../model/agents.ts';
import type { PlanStep, StepDefinition } from '../model/plan.ts';
import { referencePointers } from '../model/references.ts';
import type { TaskCatalogue } from '../tasks/taskCatalogue.ts';

/** One thing that a gate looks at: a task whose result is a verdict, `{passed, error?, evidence?}`. */
export interface Check {
  readonly check: string;
  readonly agent: Agent;
  /** Named as the check where it is absent. */
  readonly task?: string | undefined;
  readonly input?: unknown;
  /** A critical check that does not pass fails the gate, and those after it do not run. */
  readonly severity: PlanStep['severity'];
}

/** Gates by name, each with its checks in the order in which they run. */
export type QualityGates = Readonly<Record<string, readonly Check[]>>;

const critical = (check: string, agent: Agent): Check => ({ check, agent, severity: 'critical' });
const warning = (check: string, agent: Agent): Check => ({ check, agent, severity: 'warning' });

export const standardGates = {
  pre_deployment: [
    critical('database_health_check', 'mcp-performance-optimizer'),
    critical('redis_connectivity_test', 'mcp-performance-optimizer'),
    critical('azure_oauth_validation', 'mcp-security-auditor'),
    critical('mcp_server_health', 'fastmcp-specialist'),
    critical('management_server_health', 'mcp-debugger'),
  ],
  post_deployment: [
    critical('dual_server_communication_test', 'mcp-debugger'),
    critical('oauth_flow_end_to_end_test', 'mcp-security-auditor'),
    warning('database_performance_validation', 'mcp-performance-optimizer'),
    critical('middleware_chain_validation', 'fastmcp-specialist'),
    critical('audit_logging_verification', 'mcp-security-auditor'),
  ],
  security_validation: [
    critical('jwt_token_validation_test', 'mcp-security-auditor'),
    critical('role_based_access_test', 'mcp-security-auditor'),
    critical('tenant_isolation_test', 'mcp-security-auditor'),
    critical('audit_trail_completeness', 'mcp-security-auditor'),
    warning('azure_app_registration_validation', 'mcp-deployment-specialist'),
  ],
} as const satisfies QualityGates;

/** The standard gates and those of the settings. @throws ConfigError where these name what is not there, or a check twice. */
export function gatesOf(configured: Config['qualityGates']): QualityGates {
  const own = Object.entries(configured).map(([gate, checks]): [string, readonly Check[]] => {
    if (Object.hasOwn(standardGates, gate))
      throw new ConfigError(`MREG_QUALITY_GATES: the gate ${gate} is a standard one`);
    if (new Set(checks.map(({ check }) => check)).size < checks.length)
      throw new ConfigError(`MREG_QUALITY_GATES: the gate ${gate} has a check twice`);
    return [
      gate,
      checks.map((check) => ({ ...check, agent: namedAgent(check.agent, 'MREG_QUALITY_GATES') })),
    ];
  });
  return { ...standardGates, ...Object.fromEntries(own) };
}

const taskOf = ({ check, task }: Check): string => task ?? check;

/** The checks that no task can carry out. */
export const missingChecks = (checks: readonly Check[], catalogue: TaskCatalogue): readonly string[] =>
  checks.filter((check) => !catalogue.find(check.agent, taskOf(check))).map(({ check }) => check);

/** A gate as steps of a plan: one check after another, until a critical one does not pass. */
export const gateSteps = (checks: readonly Check[]): readonly StepDefinition[] =>
  checks.map((check, index): StepDefinition => {
    const before = checks[index - 1];
    const { input = {} } = check;
    return {
      id: check.check,
      agent: check.agent,
      task: taskOf(check),
      input,
      // The settings wrote all of it.
      references: referencePointers(input),
      dependsOn: before ? [before.check] : [],
      severity: check.severity,
      onFailure: check.severity === 'critical' ? 'stop' : 'continue',
    };
  });
