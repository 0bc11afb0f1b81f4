import * as z from 'zod';
import { createAgentLoads } from '../../orchestration/agents/loads.ts';
import { defineTask, type Task } from '../../orchestration/tasks/task.ts';
import { idSchema } from '../../platform/base/ids.ts';
import { succeed } from '../../platform/base/result.ts';
import { sessionToken } from '../callEndpoint.ts';
import { checkApp, checkEndpoints, tokenNotKept } from '../checkEndpoints.ts';
import { checkStores } from '../checkStores.ts';
import type { SpecialistDeps } from '../deps.ts';
import { reportSchema } from '../finding.ts';
import { inspectionsOf, summarise } from '../inspection.ts';
import { inspectAuthentication } from './authenticationFailures.ts';
import { eventTasks } from './events.ts';
import { followTrace, timelineSchema } from './followTrace.ts';
import { inspectAgents, inspectBothApps, inspectWork } from './inspectSystem.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const agent = 'mcp-debugger';
const { gateCheck, healthCheck, report } = inspectionsOf(agent);
const noInput = z.strictObject({});

/** W3C Trace Context, 3.2.2.3. The answers of both apps have it in the header `traceparent`. */
const traceIdSchema = z
  .string()
  .regex(/^(?!0{32})[0-9a-f]{32}$/, 'must be the 32 hexadecimal digits of a trace id');

/** The tasks of the mcp-debugger: it finds out where in the system something is wrong. */
export const debuggerTasks = (deps: SpecialistDeps): readonly Task[] => [
  ...bothAppsTasks(deps),
  ...traceTasks(deps),
  ...storesAndWorkTasks(deps),
  ...eventTasks(deps),
];

const bothAppsTasks = (deps: SpecialistDeps): readonly Task[] => [
  report({
    name: 'dual_server_debugging',
    description:
      'Checks the management app, the mcp app and what connects them. Calls the endpoints of both apps, probes every table and the state store, and sends a probe through the queues of both apps and back. Says what does not answer, how long each part took, and which part is the likely cause.',
    timeoutMs: 25_000,
    input: noInput,
    async inspect(_, helpers) {
      const { facts, findings } = await inspectBothApps(deps, helpers);
      const withToken = (await sessionToken(helpers)) !== undefined;
      return {
        summary: summarise(
          findings,
          'Both apps answer as they must, and a probe went through the queues of both and back.',
        ),
        facts,
        findings: withToken ? findings : [...findings, tokenNotKept('what the apps answer to a token')],
      };
    },
  }),
  gateCheck({
    name: 'dual_server_communication_test',
    description:
      'Passes if both apps answer, share their stores, and a probe comes back over the queues of both apps in time.',
    timeoutMs: 20_000,
    inspect: (_, helpers) => inspectBothApps(deps, helpers),
  }),
  gateCheck({
    name: 'management_server_health',
    description:
      'Passes if the endpoints of the management app answer as they must, and every table and the state store answer it.',
    timeoutMs: 10_000,
    inspect: (_, helpers) => checkApp('management', deps, helpers),
  }),
  healthCheck({
    name: 'check_management_endpoints',
    permissions: ['delegations.read'],
    description: 'Calls the endpoints of the management app and says which do not answer as they must.',
    timeoutMs: 8_000,
    async inspect(_, helpers) {
      const { signal, traceId } = helpers;
      return checkEndpoints('management', deps, { signal, traceId, token: await sessionToken(helpers) });
    },
  }),
];

const traceTasks = (deps: SpecialistDeps): readonly Task[] => [
  report({
    name: 'authentication_failures',
    permissions: ['audit.read'],
    description:
      'Reads the refusals of the audit trail, of one trace or of a recent time span, and verifies the token of the session if the session keeps it. Says for each reason who was refused, by which rule, how often, and what to do.',
    timeoutMs: 25_000,
    input: z.strictObject({
      traceId: traceIdSchema.optional().describe('The trace of the request that was refused.'),
      minutes: z
        .int()
        .min(1)
        .max(7 * 24 * 60)
        .default(60)
        .describe('How far back to search.'),
    }),
    async inspect({ traceId, minutes }, helpers) {
      const from = new Date(helpers.clock.now().getTime() - minutes * MINUTE_MS);
      const found = await inspectAuthentication(from, traceId, deps, helpers);
      const span = traceId === undefined ? `in the last ${minutes} minutes` : 'under this trace';
      return {
        ...found,
        summary: summarise(
          found.findings,
          `The audit trail of this tenant holds no failed authentication ${span}.`,
        ),
      };
    },
  }),
  defineTask({
    name: 'middleware_issues',
    permissions: ['audit.read'],
    agent,
    description:
      'Follows one trace or session through both apps and the queues: its delegations, plans, sessions and audit records in order of time, how long each took, and where it ended, failed or hangs. Without an id it follows the request that asked for the task.',
    timeoutMs: 25_000,
    input: z.strictObject({
      traceId: traceIdSchema
        .optional()
        .describe('From the header traceparent of an answer, or from GET /audit.'),
      sessionId: idSchema.optional().describe('Follows all work of a session.'),
      hours: z.int().min(1).max(168).default(24).describe('How far back to search the audit records.'),
    }),
    output: reportSchema.extend({ timeline: timelineSchema }),
    async run({ traceId, sessionId, hours }, helpers) {
      const from = new Date(helpers.clock.now().getTime() - hours * HOUR_MS);
      const hasSubject = (traceId ?? sessionId) !== undefined;
      const subject = hasSubject ? { traceId, sessionId } : { traceId: helpers.traceId };
      return succeed(await followTrace(subject, from, deps, helpers));
    },
  }),
];

function storesAndWorkTasks(deps: SpecialistDeps): readonly Task[] {
  const loads = createAgentLoads({ ...deps, state: deps.shortLived });
  return [
    report({
      name: 'database_connection_issues',
      description:
        'Reads from every table, and writes, reads and removes a value of the state store (Redis, or a table). Says of each that fails whether it is unreachable, refuses the connection, hangs, rejects the app, is missing or is busy.',
      timeoutMs: 10_000,
      input: noInput,
      async inspect(_, { signal }) {
        const found = await checkStores(deps, signal);
        return {
          ...found,
          summary: summarise(found.findings, 'All tables and the short-lived state answer.'),
        };
      },
    }),
    report({
      name: 'generate_diagnostic_report',
      description:
        'Reports how both apps, their stores and the queues between them answer now, which work of this tenant is stuck or has failed, and how much work each agent has.',
      timeoutMs: 30_000,
      input: noInput,
      async inspect(_, helpers) {
        const from = new Date(helpers.clock.now().getTime() - HOUR_MS);
        const [apps, work, agents] = await Promise.all([
          inspectBothApps(deps, helpers),
          inspectWork(deps, helpers, from),
          inspectAgents(loads, helpers),
        ]);
        const findings = [apps, work, agents].flatMap((part) => part.findings);
        return {
          summary: summarise(findings, 'Both apps, their stores and queues have no problems.'),
          facts: { ...apps.facts, work: work.facts, agents: agents.facts },
          findings,
        };
      },
    }),
  ];
}
