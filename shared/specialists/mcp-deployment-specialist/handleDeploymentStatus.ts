import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { changeSchema, lookAtChange } from '../deploymentChange.ts';
import { eventSchema } from '../eventHandlers.ts';
import { driftFindings } from './drift.ts';
import { lookAtApps } from './runningApps.ts';

/** A deployment, a gate before or after one, or what an app runs has changed. */
export function handleDeploymentStatus(deps: SpecialistDeps): Task {
  const agent = 'mcp-deployment-specialist';
  return defineTask({
    name: 'handle_deployment_status',
    permissions: ['system.read'],
    agent,
    description:
      'Looks at the run of a gate, the plan or the app that an event of a deployment is about, and at what both apps run by now; records in the audit trail whether that is well.',
    timeoutMs: 25_000,
    input: eventSchema,
    output: changeSchema,
    async run(event, helpers) {
      const afterMs = deps.clock.now().getTime() - Date.parse(event.raisedAt);
      const [change, apps] = await Promise.all([
        lookAtChange(event, helpers, deps),
        lookAtApps(deps, helpers),
      ]);
      const findings = [...change.findings, ...apps.findings, ...driftFindings(apps.running)];
      deps.audit.append({
        tenantId: helpers.tenantId,
        actor: agent,
        action: 'events.deployment_status',
        resource: change.subject,
        decision: 'allowed',
        outcome: findings.some(({ severity }) => severity === 'critical') ? 'not_passed' : 'succeeded',
        durationMs: afterMs,
        traceId: helpers.traceId,
      });
      return succeed({ ...change, findings, recorded: true as const, afterMs });
    },
  });
}
