import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { handlerOf } from '../../orchestration/model/eventRoutes.ts';
import type { ResultPermissions } from '../../orchestration/tasks/resultPermissions.ts';
import { type Task, type TaskHelpers, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type Finding, reportSchema } from '../finding.ts';
import { lookAtEndpoints } from '../checkEndpoints.ts';
import { lookAtStores } from '../checkStores.ts';
import { eventSchema } from '../eventHandlers.ts';
import { refusalsOf } from './authenticationFailures.ts';
import { type Look } from './bothApps.ts';
import { lookAtServer } from './inspectServer.ts';
import { followTrace } from './followTrace.ts';
import { slowParts } from './slowParts.ts';

type Event = z.infer<typeof eventSchema>;

const agent = 'mcp-debugger';
/** The events of a minute, and those that led to it. */
const LOOK_BACK_MS = 5 * 60_000;
/** The trail has a record a second after the act at the latest. */
const STORED_AFTER_MS = 1_100;
const MAX_RECORDED = 5;

const handledSchema = reportSchema.extend({
  recorded: z.literal(true),
  afterMs: z.number().describe('From the event to the end of the look.'),
});

/** A handler looks, and then records in the audit trail that it did and each thing that it found. */
function handler(
  type: string,
  permissions: ResultPermissions,
  description: string,
  deps: SpecialistDeps,
  look: (event: Event, helpers: TaskHelpers) => Promise<Look>,
): Task {
  return defineTask({
    name: handlerOf(type),
    permissions,
    agent,
    description,
    timeoutMs: 25_000,
    input: eventSchema,
    output: handledSchema,
    async run(event, helpers) {
      const { tenantId, traceId, clock } = helpers;
      const [own, trace] = await Promise.all([
        look(event, helpers),
        followTrace({ traceId }, new Date(Date.parse(event.raisedAt) - LOOK_BACK_MS), deps, helpers),
      ]);
      const findings = [...own.findings, ...trace.findings.filter(({ rule }) => rule !== 'nothing_found')];
      const wrong = findings.filter(({ severity }) => severity !== 'info');
      const afterMs = clock.now().getTime() - Date.parse(event.raisedAt);
      const act = {
        tenantId,
        actor: agent,
        resource: `events/${event.eventId}`,
        decision: 'allowed',
        durationMs: afterMs,
        traceId,
      } as const;
      deps.audit.append({ ...act, action: `events.${type}`, outcome: 'succeeded' });
      for (const rule of new Set(wrong.map((found) => found.rule).slice(0, MAX_RECORDED)))
        deps.audit.append({ ...act, action: `findings.${rule}`, outcome: 'not_passed' });
      return succeed({
        summary:
          wrong[0] === undefined
            ? `Nothing is wrong now that would explain the event ${type}.`
            : `${wrong.length} findings about the event ${type}; the first: ${wrong[0].message}.`,
        facts: { ...own.facts, trace: { ...trace.facts, summary: trace.summary } },
        findings,
        recorded: true as const,
        afterMs,
      });
    },
  });
}

const text = z.string().max(200);
const authenticationDetail = z.object({ subject: text.optional() }).catch({});
const slownessDetail = z
  .object({
    subject: text.optional(),
    app: z.enum(['management', 'mcp']).optional(),
    durationMs: z.number().optional(),
  })
  .catch({});
const violationDetail = z
  .object({ subject: text.optional(), server: text.optional(), kind: text.optional() })
  .catch({});

export const debuggerEvents = (deps: SpecialistDeps): readonly Task[] => [
  handler(
    'authentication_failure',
    ['audit.read'],
    'Follows the request at which failed sign-ins became an event, and reads from the audit trail who was refused around that time, why and how often; records what it found.',
    deps,
    async ({ detail, raisedAt }, helpers) => {
      await delay(STORED_AFTER_MS, undefined, { signal: helpers.signal });
      const { subject } = authenticationDetail.parse(detail);
      const from = new Date(Date.parse(raisedAt) - LOOK_BACK_MS);
      const { facts, findings } = await refusalsOf({ from }, undefined, deps, helpers);
      const ofSubject = findings.filter(({ evidence }) => evidence['reason'] === subject);
      return { facts: { subject, ...facts }, findings: ofSubject.length > 0 ? ofSubject : findings };
    },
  ),
  handler(
    'performance_degradation',
    ['system.read', 'audit.read'],
    'Follows a slow request, and measures how the stores and the endpoints of its app answer now; records what it found.',
    deps,
    async ({ detail }, { signal, traceId }) => {
      const { subject, app = 'management', durationMs } = slownessDetail.parse(detail);
      const [stores, endpoints] = await Promise.all([
        lookAtStores(deps, signal),
        lookAtEndpoints(app, deps, { signal, traceId, token: undefined }),
      ]);
      return {
        facts: {
          route: subject,
          slowMs: durationMs,
          stores: stores.facts,
          endpoints: endpoints.facts,
        },
        findings: [...stores.findings, ...endpoints.findings, ...slowParts(stores, endpoints, app)],
      };
    },
  ),
  handler(
    'protocol_violation',
    ['audit.read'],
    'Follows the call that a server answered against the protocol, tries the server again, and counts what became of recent calls to it; records what it found.',
    deps,
    async ({ detail, raisedAt }, helpers) => {
      const { subject, server = subject, kind } = violationDetail.parse(detail);
      if (server === undefined) return { facts: {}, findings: [noServer] };
      return lookAtServer(server, kind, new Date(Date.parse(raisedAt) - LOOK_BACK_MS), deps, helpers);
    },
  ),
];

const noServer: Finding = {
  rule: 'server_not_named',
  severity: 'info',
  message: 'the event names no server',
  evidence: {},
  remedy: 'Raise it with {"server": slug} in its detail.',
};
