import { sweepStuck } from '../../orchestration/engine/sweepStuck.ts';
import { DEPLOYMENT_PLAN } from '../../orchestration/model/plan.ts';
import { defineTask, type Task } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import { changeSchema, inspectChange } from '../deploymentChange.ts';
import type { SpecialistDeps } from '../deps.ts';
import { auditEvent, eventSchema } from '../eventHandlers.ts';
import { hasCritical } from '../finding.ts';
import {
  rejectRegistration,
  removeServer,
  takeSlugOf,
  updateRegistry,
  updateServer,
} from './enterServers.ts';
import { registerServers } from './registerServers.ts';

/** The tasks of the orchestrator itself: it enters into the registry what other agents have validated. */
export const orchestratorTasks = (deps: SpecialistDeps): readonly Task[] => [
  takeSlugOf(deps),
  updateRegistry(deps),
  rejectRegistration(deps),
  updateServer(deps),
  removeServer(deps),
  registerServers(deps),
  handleDeploymentStatus(deps),
];

const MAX_SHOWN = 20;

/** Resumes work that a restarted app has left behind, and lists the deployments that are under way. */
function handleDeploymentStatus(deps: SpecialistDeps): Task {
  const agent = 'mcp-orchestrator';
  return defineTask({
    name: 'handle_deployment_status',
    permissions: ['system.read'],
    agent,
    description:
      'Inspects the subject of a deployment event and the deployments that are under way. If an app has started with another build, resumes the work that its previous instances left behind. Records in the audit trail what it found and did.',
    timeoutMs: 60_000,
    input: eventSchema,
    output: changeSchema,
    async run(event, helpers) {
      const { record, afterMs } = auditEvent(agent, event, helpers, deps.audit);
      const filter = { name: DEPLOYMENT_PLAN, state: 'running' } as const;
      const [change, underWay] = await Promise.all([
        inspectChange(event, helpers, deps),
        deps.plans.list(helpers.tenantId, filter, MAX_SHOWN),
      ]);
      const outcome = hasCritical(change.findings) ? 'not_passed' : 'succeeded';
      record('events.deployment_status', outcome, change.subject);
      const hasRestarted = change.subject.startsWith('apps/');
      if (hasRestarted) {
        await sweepStuck(deps);
        record('delegations.sweep', 'succeeded', 'delegations');
      }
      const facts = {
        ...change.facts,
        deploymentsUnderWay: underWay.items.map(({ id }) => id),
        movedOnStuckWork: hasRestarted,
      };
      return succeed({ ...change, facts, recorded: true as const, afterMs });
    },
  });
}
