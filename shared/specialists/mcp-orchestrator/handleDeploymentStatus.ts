import { sweepStuck } from '../../orchestration/engine/sweepStuck.ts';
import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import { DEPLOYMENT_PLAN } from '../../orchestration/plans/namedPlans.ts';
import type { SpecialistDeps } from '../deps.ts';
import { changeSchema, lookAtChange } from '../deploymentChange.ts';
import { eventSchema } from '../eventHandlers.ts';

const MAX_SHOWN = 20;

/**
 * What a deployment means for work that is under way: an app that has started anew may have left some of it behind, which is
 * moved on at once, and whoever watches learns which deployments go on.
 */
export function handleDeploymentStatus(deps: SpecialistDeps): Task {
  const agent = 'mcp-orchestrator';
  return defineTask({
    name: 'handle_deployment_status',
    permissions: ['system.read'],
    agent,
    description:
      'Looks at what an event of a deployment is about and at the deployments that are under way; where an app has started with another build, moves on the work that the instances before it left behind. Records in the audit trail what it found and did.',
    timeoutMs: 60_000,
    input: eventSchema,
    output: changeSchema,
    async run(event, helpers) {
      const { tenantId, traceId } = helpers;
      const afterMs = deps.clock.now().getTime() - Date.parse(event.raisedAt);
      const filter = { name: DEPLOYMENT_PLAN, state: 'running' } as const;
      const [change, underWay] = await Promise.all([
        lookAtChange(event, helpers, deps),
        deps.plans.list(tenantId, filter, MAX_SHOWN),
      ]);
      const record = { tenantId, actor: agent, decision: 'allowed', durationMs: afterMs, traceId } as const;
      const isWell = !change.findings.some(({ severity }) => severity === 'critical');
      deps.audit.append({
        ...record,
        action: 'events.deployment_status',
        resource: change.subject,
        outcome: isWell ? 'succeeded' : 'not_passed',
      });
      const restarted = change.subject.startsWith('apps/');
      if (restarted) {
        await sweepStuck(deps);
        deps.audit.append({
          ...record,
          action: 'delegations.sweep',
          resource: 'delegations',
          outcome: 'succeeded',
        });
      }
      const facts = {
        ...change.facts,
        deploymentsUnderWay: underWay.items.map(({ id }) => id),
        movedOnStuckWork: restarted,
      };
      return succeed({ ...change, facts, recorded: true as const, afterMs });
    },
  });
}
