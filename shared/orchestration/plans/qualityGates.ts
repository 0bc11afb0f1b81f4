import { fail, type Result } from '../../platform/base/result.ts';
import { type Config, ConfigError } from '../../platform/config/config.ts';
import { beginOnce } from '../engine/beginPlan.ts';
import type { OrchestrationDeps } from '../engine/deps.ts';
import { type Agent, namedAgent } from '../model/agents.ts';
import type { Caller } from '../model/caller.ts';
import type { Plan, PlanStep, StepDefinition } from '../model/plan.ts';
import { referencePointers } from '../model/references.ts';
import { unknownName } from '../model/unknownName.ts';
import type { TaskCatalogue } from '../tasks/taskCatalogue.ts';
import { beginNamedPlan, defineFixedPlan, type NamedPlan } from './namedPlan.ts';

/** A check of a gate: a task whose result is a verdict, `{passed, error?, evidence?}`. */
export interface Check {
  readonly check: string;
  readonly agent: Agent;
  /** Default: the name of the check. */
  readonly task?: string | undefined;
  readonly input?: unknown;
  /** A critical check that does not pass fails the gate, and later checks do not run. */
  readonly severity: PlanStep['severity'];
}

/** Gates by name, each with its checks in their order. */
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

/**
 * Returns the standard gates and those of the settings. @throws ConfigError where a setting names an unknown agent, a standard
 * gate or a check twice.
 */
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

/** Returns the checks whose task no agent has. */
export const missingChecks = (checks: readonly Check[], catalogue: TaskCatalogue): readonly string[] =>
  checks.filter((check) => !catalogue.find(check.agent, taskOf(check))).map(({ check }) => check);

/** Returns a gate as steps of a plan: one check after another, until a critical one does not pass. */
export const gateSteps = (checks: readonly Check[]): readonly StepDefinition[] =>
  checks.map((check, index): StepDefinition => {
    const before = checks[index - 1];
    const { input = {} } = check;
    return {
      id: check.check,
      agent: check.agent,
      task: taskOf(check),
      input,
      // The settings are the author of the whole input.
      references: referencePointers(input),
      dependsOn: before ? [before.check] : [],
      severity: check.severity,
      onFailure: check.severity === 'critical' ? 'stop' : 'continue',
    };
  });

/** Returns the plan of a gate's run, which holds a share of the resource pools until it ends. */
export const gatePlan = (gate: string, checks: readonly Check[]): NamedPlan<OrchestrationDeps> =>
  defineFixedPlan({
    name: gate,
    gate,
    description: `The quality gate of ${checks.length} checks: ${checks.map(({ check }) => check).join(', ')}.`,
    load: { operation: 'quality_gate', estimatedLoad: { checkCount: checks.length } },
    steps: gateSteps(checks),
  });

export interface GateDeps extends OrchestrationDeps {
  readonly gates: QualityGates;
}

export interface GateRequest {
  readonly gate: string;
  readonly sessionId?: string | undefined;
}

/** Begins a run of a gate. Failures: `not_found` for an unknown gate, and while no agent has one of its checks; `exhausted`. */
export function runGate(
  { gate, sessionId }: GateRequest,
  caller: Caller,
  catalogue: TaskCatalogue,
  { gates, ...deps }: GateDeps,
): Promise<Result<Plan>> {
  return beginOnce(caller, deps, async () => {
    const checks = Object.hasOwn(gates, gate) ? gates[gate] : undefined;
    if (!checks) return fail(unknownName('quality gate', gate, Object.keys(gates)));
    return beginNamedPlan(gatePlan(gate, checks), { sessionId }, caller, catalogue, deps, 'quality gate');
  });
}
