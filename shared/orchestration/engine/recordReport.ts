import * as z from 'zod';
import { errorKinds } from '../../platform/base/errors.ts';
import { idSchema } from '../../platform/base/ids.ts';
import { ANSWER_BOUNDS, unsafeShape } from '../../platform/base/json.ts';
import {
  claim,
  type Delegation,
  finish,
  fitOutcome,
  logFieldsOf,
  type Outcome,
  timeLeftMs,
} from '../model/delegation.ts';
import { MAX_REPORTED_ERROR_LENGTH, MAX_REPORTED_LEASE_S } from '../model/limits.ts';
import type { Task } from '../tasks/task.ts';
import type { TaskCatalogue } from '../tasks/taskCatalogue.ts';
import { advancePlan, handleOutcome } from './advancePlan.ts';
import type { OrchestrationDeps } from './deps.ts';

/** The queue on which the workers of external agents report. */
export const REPORTS_QUEUE = 'agent-reports';

/** `started` takes or renews the lease of the delegation; `ended` is its outcome. */
const reportSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('started'), leaseSeconds: z.int().min(1).max(MAX_REPORTED_LEASE_S) }),
  z.strictObject({
    kind: z.literal('ended'),
    outcome: z.discriminatedUnion('success', [
      z.strictObject({ success: z.literal(true), result: z.unknown().default(null) }),
      z.strictObject({
        success: z.literal(false),
        error: z.strictObject({
          kind: z.enum(errorKinds),
          message: z.string().transform((text) => text.slice(0, MAX_REPORTED_ERROR_LENGTH)),
        }),
      }),
    ]),
  }),
]);
export type Report = z.infer<typeof reportSchema>;

/** A worker's report. The ids and the attempt are those of the message that it works on. */
export const agentReportSchema = z.strictObject({
  schemaVersion: z.literal(1),
  delegationId: idSchema,
  tenantId: idSchema,
  attempt: z.int().min(1),
  report: reportSchema,
});

/**
 * Handles one message of the reports' queue: records it in the delegation and advances the plan. Idempotent. It ignores reports
 * on work of internal agents: otherwise every sender of reports could end any delegation.
 * @throws while the tables are down, and on a message that is not a report: the queue dead-letters it after some deliveries.
 */
export async function recordReport(
  body: unknown,
  tasks: TaskCatalogue,
  deps: OrchestrationDeps,
): Promise<void> {
  const parsed = agentReportSchema.safeParse(body);
  if (!parsed.success) {
    deps.log.warn('message_rejected', { queue: REPORTS_QUEUE, reason: 'not a report' });
    throw new Error(`a message on the queue ${REPORTS_QUEUE} is not a report`);
  }
  const { tenantId, delegationId, attempt, report } = parsed.data;
  for (;;) {
    const stored = await deps.delegations.find(tenantId, delegationId);
    const task = stored && tasks.find(stored.value.agent, stored.value.task);
    if (!stored || !task?.external || attempt > stored.value.attempt) {
      const reason = task?.external ? 'of an attempt that was not made' : 'not of an external agent';
      deps.log.warn('message_rejected', { queue: REPORTS_QUEUE, delegationId, reason });
      return;
    }
    const changed = applyReport(stored.value, checkReport(report, task), deps.clock.now());
    if (changed === stored.value) {
      // A crash may have come between the outcome and its record in the plan.
      await advancePlan(changed, deps);
      return;
    }
    if ((await deps.delegations.replace(changed, stored.etag)).status !== 'replaced') continue;
    const fields = { ...logFieldsOf(changed), report: report.kind, state: changed.state };
    deps.log.info('report_recorded', fields);
    if (changed.outcome) deps.activity.begin(changed.agent, changed.tenantId)(!changed.outcome.success);
    await handleOutcome(changed, deps);
    return;
  }
}

/**
 * Returns the delegation after a report, or the same object when the report changes nothing, as after the outcome. Each attempt
 * may end it: the worker of an earlier one may just be slow. No lease outlasts the deadline, at which the sweeper ends it.
 */
export function applyReport(row: Delegation, report: Report, now: Date): Delegation {
  if (row.outcome) return row;
  if (report.kind === 'ended') {
    const begun = { attempts: Math.max(row.attempts, 1), startedAt: row.startedAt ?? now.toISOString() };
    return finish({ ...row, ...begun }, fitOutcome(report.outcome, row), now);
  }
  const leaseMs = Math.min(report.leaseSeconds * 1_000, timeLeftMs(row, now));
  const decision = claim(row, now, leaseMs);
  if (decision.kind !== 'skip') return decision.delegation;
  return leaseMs > 0 ? { ...row, leaseUntil: new Date(now.getTime() + leaseMs).toISOString() } : row;
}

/** Replaces a result that breaks the output schema of its task by a failure. */
function checkReport(report: Report, task: Task): Report {
  if (report.kind !== 'ended' || !report.outcome.success) return report;
  return { kind: 'ended', outcome: checkResult(report.outcome.result, task) };
}

function checkResult(result: unknown, { name, output }: Task): Outcome {
  const unsafe = unsafeShape(result, ANSWER_BOUNDS);
  if (unsafe !== undefined) return invalidResult(name, unsafe);
  const parsed = output.safeParse(result);
  if (parsed.success) return { success: true, result: parsed.data };
  const [issue] = parsed.error.issues;
  return invalidResult(name, `is not valid: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
}

const invalidResult = (name: string, problem: string): Outcome => ({
  success: false,
  error: { kind: 'invalid', message: `the result of ${name} ${problem}` },
});
