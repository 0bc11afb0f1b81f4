import type { OrchestrationDeps } from '../engine/deps.ts';
import { DEPLOYMENT_PLAN, type StepDefinition } from '../model/plan.ts';
import { inOrder } from '../model/stepGraph.ts';
import { defineFixedPlan, type NamedPlan, step } from './namedPlan.ts';
import { gateSteps, type QualityGates } from './qualityGates.ts';

/**
 * Returns the plan that shows whether a deployment can begin: the ordered steps, between the gates before and after it. It deploys
 * nothing. The engine publishes an event when it ends.
 */
export function deploymentPlan(gates: QualityGates): NamedPlan<OrchestrationDeps> {
  const steps: readonly StepDefinition[] = inOrder([
    ...gateSteps(gates['pre_deployment'] ?? []),
    step('production_deployment', 'mcp-deployment-specialist'),
    ...gateSteps(gates['post_deployment'] ?? []),
  ]);
  return defineFixedPlan({
    name: DEPLOYMENT_PLAN,
    description:
      'The gate before a deployment, the ordered plan of the deployment, the gate after it. It deploys nothing: `npm run deploy` does, between the same gates.',
    load: { operation: 'plan', estimatedLoad: { stepCount: steps.length } },
    steps,
  });
}
