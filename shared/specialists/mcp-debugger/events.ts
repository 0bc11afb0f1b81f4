import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { handlerOf } from '../../orchestration/model/eventRoutes.ts';
import {
  defineTask,
  type ResultPermissions,
  type Task,
  type TaskHelpers,
} from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import type { App } from '../../platform/config/config.ts';
import { checkEndpoints } from '../checkEndpoints.ts';
import { checkStores } from '../checkStores.ts';
import type { SpecialistDeps } from '../deps.ts';
import { auditEvent, eventSchema, type RaisedEvent } from '../eventHandlers.ts';
import { defineFindings, type Finding, problemsIn, reportSchema } from '../finding.ts';
import { type Inspection, summarise } from '../inspection.ts';
import { inspectRefusals } from './authenticationFailures.ts';
import { followTrace } from './followTrace.ts';
import { inspectServer } from './inspectServer.ts';

const agent = 'mcp-debugger';
/** The span of the event, and of what led to it. */
const LOOK_BACK_MS = 5 * 60_000;
/** An audit record is stored a second after the act at the latest. */
const STORED_AFTER_MS = 1_100;
const MAX_RECORDED = 5;
const SLOW_MS = 1_000;

const finding = defineFindings({
  server_not_named: {
    severity: 'info',
    message: 'the event names no server',
    remedy: 'Raise it with {"server": slug} in its detail.',
  },
  part_slow: ({ part, durationMs }: { part: string; durationMs: number; slowFromMs: number }) => ({
    severity: 'warning',
    message: `${part} takes ${durationMs} ms at present`,
    remedy: 'Check the load of that part; the reports of mcp-performance-optimizer measure it.',
  }),
});

const handledSchema = reportSchema.extend({
  recorded: z.literal(true),
  afterMs: z.number().describe('From the event to the end of the inspection.'),
});

/** A handler inspects, follows the trace of the event, and records in the audit trail each problem that it found. */
function handler(
  type: string,
  permissions: ResultPermissions,
  description: string,
  deps: SpecialistDeps,
  inspect: (event: RaisedEvent, helpers: TaskHelpers) => Promise<Inspection>,
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
      const [own, trace] = await Promise.all([
        inspect(event, helpers),
        followTrace({ traceId: helpers.traceId }, lookBack(event), deps, helpers),
      ]);
      const findings = [...own.findings, ...trace.findings.filter(({ rule }) => rule !== 'nothing_found')];
      const { record, afterMs } = auditEvent(agent, event, helpers, deps.audit);
      record(`events.${type}`, 'succeeded');
      for (const rule of new Set(
        problemsIn(findings)
          .map((problem) => problem.rule)
          .slice(0, MAX_RECORDED),
      ))
        record(`findings.${rule}`, 'not_passed');
      return succeed({
        summary: summarise(findings, `Nothing is wrong now that would explain the event ${type}.`),
        facts: { ...own.facts, trace: { ...trace.facts, summary: trace.summary } },
        findings,
        recorded: true as const,
        afterMs,
      });
    },
  });
}

const lookBack = ({ raisedAt }: RaisedEvent): Date => new Date(Date.parse(raisedAt) - LOOK_BACK_MS);

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

/** The tasks of the mcp-debugger that handle events. */
export const eventTasks = (deps: SpecialistDeps): readonly Task[] => [
  handler(
    'authentication_failure',
    ['audit.read'],
    'Follows the request whose failed sign-in raised the event, and reads from the audit trail who was refused around that time, why and how often. Records what it found.',
    deps,
    async (event, helpers) => {
      await delay(STORED_AFTER_MS, undefined, { signal: helpers.signal });
      const { subject } = authenticationDetail.parse(event.detail);
      const { facts, findings } = await inspectRefusals({ from: lookBack(event) }, undefined, deps, helpers);
      const ofSubject = findings.filter(({ evidence }) => evidence['reason'] === subject);
      return { facts: { subject, ...facts }, findings: ofSubject.length > 0 ? ofSubject : findings };
    },
  ),
  handler(
    'performance_degradation',
    ['system.read', 'audit.read'],
    'Follows a slow request, and measures how the stores and the endpoints of its app answer now. Records what it found.',
    deps,
    async ({ detail }, { signal, traceId }) => {
      const { subject, app = 'management', durationMs } = slownessDetail.parse(detail);
      const [stores, endpoints] = await Promise.all([
        checkStores(deps, signal),
        checkEndpoints(app, deps, { signal, traceId, token: undefined }),
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
    'Follows the call whose answer broke the protocol, probes the server again, and counts the outcomes of recent calls to it. Records what it found.',
    deps,
    async (event, helpers) => {
      const { subject, server = subject, kind } = violationDetail.parse(event.detail);
      if (server === undefined) return { facts: {}, findings: [finding('server_not_named', {})] };
      return inspectServer(server, kind, lookBack(event), deps, helpers);
    },
  ),
];

const measured = z.array(z.object({ durationMs: z.number().optional() }).loose()).catch([]);

/** Finds parts that answer slowly now, which is the likely reason that requests are slow. */
function slowParts(stores: Inspection, endpoints: Inspection, app: App): readonly Finding[] {
  const parts = [
    ...measured
      .parse(stores.facts['tables'])
      .map((part) => ({ ...part, name: `the table ${String(part['store'])}` })),
    ...measured.parse([stores.facts['state']]).map((part) => ({ ...part, name: 'the short-lived state' })),
    ...measured
      .parse(endpoints.facts['endpoints'])
      .map((part) => ({ ...part, name: `the endpoint "${String(part['name'])}" of the ${app} app` })),
  ];
  return parts
    .filter(({ durationMs = 0 }) => durationMs > SLOW_MS)
    .map(({ name, durationMs = 0 }) => finding('part_slow', { part: name, durationMs, slowFromMs: SLOW_MS }));
}
