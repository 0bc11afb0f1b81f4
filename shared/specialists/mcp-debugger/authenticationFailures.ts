import { z } from 'zod';
import type { TrailQuery } from '../../audit/model/trailStore.ts';
import { operatorTenantOf } from '../../identity/access/tenants.ts';
import { type Task, type TaskHelpers, defineTask } from '../../orchestration/tasks/task.ts';
import { InfrastructureError } from '../../platform/base/errors.ts';
import { succeed } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type Finding, reportSchema } from '../finding.ts';
import { tokenOf } from '../tokenOf.ts';
import { withinTime } from '../withTimeout.ts';
import { readRecords } from '../readRecords.ts';
import { explainRefusals, groupRefusals, isRefusal, reasons } from './refusals.ts';
import { traceIdSchema } from './traceId.ts';

const MINUTE_MS = 60_000;
const SEARCH_WITHIN_MS = 12_000;
const VERIFY_WITHIN_MS = 6_000;
const MAX_RECORDS = 2_000;

type RefusalDeps = Pick<SpecialistDeps, 'trail' | 'verifyToken' | 'config'>;

export const authenticationFailures = (deps: RefusalDeps): Task =>
  defineTask({
    name: 'authentication_failures',
    permissions: ['audit.read'],
    agent: 'mcp-debugger',
    description:
      'Reads the refusals of the audit trail, of one trace or of a recent span, and judges the token of the session if it is kept; says of each reason who was refused, by which rule, how often, and what to do.',
    timeoutMs: 25_000,
    input: z.strictObject({
      traceId: traceIdSchema.optional().describe('The trace of the request that was refused.'),
      minutes: z
        .int()
        .min(1)
        .max(7 * 24 * 60)
        .default(60)
        .describe('How far to look back.'),
    }),
    output: reportSchema,
    async run({ traceId, minutes }, helpers) {
      const from = new Date(helpers.clock.now().getTime() - minutes * MINUTE_MS);
      const [found, own] = await Promise.all([
        refusalsOf({ from }, traceId, deps, helpers),
        judgeSession(deps, helpers),
      ]);
      const findings = [...found.findings, ...own.findings];
      const failed = findings.filter(({ severity }) => severity !== 'info');
      return succeed({
        summary:
          failed[0] === undefined
            ? `No authentication failed ${traceId === undefined ? `in the last ${minutes} minutes` : 'under this trace'}, as far as the trail of this tenant tells.`
            : `${failed.length} reasons why authentication failed; the first: ${failed[0].message}.`,
        facts: { ...found.facts, session: own.facts, from: from.toISOString() },
        findings,
      });
    },
  });

/** The refusals of a span, grouped and explained; those of one trace count as what was asked about. */
export async function refusalsOf(
  query: TrailQuery,
  traceId: string | undefined,
  { trail, config }: Pick<RefusalDeps, 'trail' | 'config'>,
  { tenantId, signal }: Pick<TaskHelpers, 'tenantId' | 'signal'>,
): Promise<{ readonly facts: Readonly<Record<string, unknown>>; readonly findings: readonly Finding[] }> {
  const found = await withinTime(SEARCH_WITHIN_MS, signal, (own) =>
    readRecords(trail, tenantId, query, {
      limit: MAX_RECORDS,
      signal: own,
      wanted: (record) => isRefusal(record) && (traceId === undefined || record.traceId === traceId),
    }),
  );
  if (!found.ok) return { facts: {}, findings: [trailUnread(found.error.message)] };
  const { records, read, cutAt } = found.value;
  const groups = groupRefusals(records);
  return {
    facts: { refusals: records.length, recordsRead: read, cutAt, groups },
    findings: [
      ...groups.map((group) => explainRefusals(group, traceId === undefined ? 'warning' : 'critical')),
      ...(cutAt === undefined ? [] : [searchCut(cutAt)]),
      ...(tenantId === operatorTenantOf(config) ? [] : [namelessElsewhere]),
    ],
  };
}

/** Returns who asks, and the verdict of the gateway on the token that the session keeps. */
async function judgeSession(
  { verifyToken }: Pick<RefusalDeps, 'verifyToken'>,
  helpers: Pick<TaskHelpers, 'actor' | 'token' | 'signal'>,
): Promise<{ readonly facts: unknown; readonly findings: readonly Finding[] }> {
  const { actor } = helpers;
  const token = await tokenOf(helpers);
  const facts = {
    signedIn: actor !== undefined,
    ...(actor && {
      userId: actor.userId,
      roles: actor.roles,
      expiresAt: new Date(actor.expiresAt).toISOString(),
    }),
  };
  if (token === undefined) return { facts: { ...facts, token: 'not kept' }, findings: [] };
  const judged = await withinTime(VERIFY_WITHIN_MS, helpers.signal, async () => {
    try {
      return await verifyToken(`Bearer ${token}`);
    } catch (error) {
      if (!(error instanceof InfrastructureError)) throw error;
      return 'no keys' as const;
    }
  });
  if (!judged.ok || judged.value === 'no keys')
    return { facts: { ...facts, token: 'not judged' }, findings: [keysUnreachable] };
  if ('principal' in judged.value) return { facts: { ...facts, token: 'good' }, findings: [] };
  const { refusal } = judged.value;
  const { what, rule, remedy } = reasons[refusal];
  const finding: Finding = {
    rule: `session_token_${refusal}`,
    severity: 'critical',
    message: `the token of this session is refused now: ${what}`,
    evidence: { reason: refusal, heldTo: rule },
    remedy,
  };
  return { facts: { ...facts, token: refusal }, findings: [finding] };
}

export const trailUnread = (why: string): Finding => ({
  rule: 'trail_unread',
  severity: 'warning',
  message: `the audit trail could not be read: ${why}`,
  evidence: {},
  remedy: 'Look at the table audit with the task database_connection_issues, then ask again.',
});

export const searchCut = (cutAt: string): Finding => ({
  rule: 'search_cut',
  severity: 'info',
  message: 'not all of the span was read: there are too many records in it',
  evidence: { readBackTo: cutAt },
  remedy: 'Ask for a shorter span.',
});

const namelessElsewhere: Finding = {
  rule: 'nameless_refusals_elsewhere',
  severity: 'info',
  message:
    'refusals of callers of whom nothing is known are in the trail of the operator, not in this tenant’s',
  evidence: {},
  remedy: 'Ask the operator of the gateway, with the trace id.',
};

const keysUnreachable: Finding = {
  rule: 'signing_keys_unreachable',
  severity: 'critical',
  message: 'the token of this session could not be judged: the signing keys of its issuer cannot be had',
  evidence: {},
  remedy:
    'See that the apps reach the issuer over https: until then, who has no key in memory is refused with 503.',
};
