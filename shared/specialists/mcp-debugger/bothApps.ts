import { z } from 'zod';
import { type Task, type TaskHelpers, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type Finding, health, healthSchema, reportSchema, verdict, verdictSchema } from '../finding.ts';
import { lookAtApp } from '../lookAtApp.ts';
import { lookAtEndpoints, tokenNotKept } from '../checkEndpoints.ts';
import { lookAtStores } from '../checkStores.ts';
import { tokenOf } from '../tokenOf.ts';
import { roundTrip } from './roundTrip.ts';

const ROUND_TRIP_WITHIN_MS = 10_000;
const input = z.strictObject({});
const agent = 'mcp-debugger';

export interface Look {
  readonly facts: Readonly<Record<string, unknown>>;
  /** The likely cause first: a store that is down, then an app, then the way between them. */
  readonly findings: readonly Finding[];
}

/** Both apps' endpoints, what they stand on, and the way between them, all at once. */
export async function lookAtBothApps(deps: SpecialistDeps, helpers: TaskHelpers): Promise<Look> {
  const { signal, traceId } = helpers;
  const token = await tokenOf(helpers);
  const call = { signal, traceId, token };
  const [stores, management, mcp, trip] = await Promise.all([
    lookAtStores(deps, signal),
    lookAtEndpoints('management', deps, call),
    lookAtEndpoints('mcp', deps, call),
    roundTrip(deps, helpers, ROUND_TRIP_WITHIN_MS),
  ]);
  return {
    facts: { management: management.facts, mcp: mcp.facts, stores: stores.facts, roundTrip: trip.facts },
    findings: [stores, management, mcp, trip].flatMap(({ findings }) => findings),
  };
}

export const dualServerTasks = (deps: SpecialistDeps): readonly Task[] => [
  defineTask({
    name: 'dual_server_debugging',
    permissions: ['system.read'],
    agent,
    description:
      'Calls the endpoints of both apps, tries every table and the short-lived state, and sends a probe through the queues of both apps and back; says what does not answer, how long each part took, and which part is likely the cause.',
    timeoutMs: 25_000,
    input,
    output: reportSchema,
    async run(_, helpers) {
      const { facts, findings } = await lookAtBothApps(deps, helpers);
      const withToken = (await tokenOf(helpers)) !== undefined;
      const wrong = findings.filter(({ severity }) => severity !== 'info');
      return succeed({
        summary:
          wrong[0] === undefined
            ? 'Both apps answer as they must, and a probe went through the queues of both and back.'
            : `${wrong.length} things are wrong; look first at this: ${wrong[0].message}.`,
        facts,
        findings: withToken ? [...findings] : [...findings, tokenNotKept('what the apps answer to a token')],
      });
    },
  }),
  defineTask({
    name: 'dual_server_communication_test',
    permissions: ['system.read'],
    agent,
    description:
      'Passes when both apps answer, share their stores, and a probe comes back over the queues of both apps in time.',
    timeoutMs: 20_000,
    input,
    output: verdictSchema,
    async run(_, helpers) {
      const { facts, findings } = await lookAtBothApps(deps, helpers);
      return succeed(verdict(findings, facts));
    },
  }),
  defineTask({
    name: 'management_server_health',
    permissions: ['system.read'],
    agent,
    description:
      'Passes when the endpoints of the management app answer as they must and every table and the short-lived state answer it.',
    timeoutMs: 10_000,
    input,
    output: verdictSchema,
    async run(_, helpers) {
      const { facts, findings } = await lookAtApp('management', deps, helpers);
      return succeed(verdict(findings, facts));
    },
  }),
  defineTask({
    name: 'check_management_endpoints',
    permissions: ['delegations.read'],
    agent,
    description: 'Calls the endpoints of the management app and says which do not answer as they must.',
    timeoutMs: 8_000,
    input,
    output: healthSchema,
    async run(_, helpers) {
      const { signal, traceId } = helpers;
      const token = await tokenOf(helpers);
      const { facts, findings } = await lookAtEndpoints('management', deps, { signal, traceId, token });
      return succeed(health(findings, facts));
    },
  }),
];
