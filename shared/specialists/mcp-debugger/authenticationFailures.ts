import { isAccessRefusal } from '../../audit/model/record.ts';
import type { TrailQuery } from '../../audit/model/trailStore.ts';
import { operatorTenantOf } from '../../identity/access/tenants.ts';
import type { Refusal } from '../../identity/tokens/refusals.ts';
import { resourceOfToken } from '../../identity/tokens/resources.ts';
import type { TaskHelpers } from '../../orchestration/tasks/task.ts';
import { sessionToken } from '../callEndpoint.ts';
import type { SpecialistDeps } from '../deps.ts';
import { defineFindings } from '../finding.ts';
import type { Inspection } from '../inspection.ts';
import { readRecords } from '../readRecords.ts';
import { withTimeout } from '../withTimeout.ts';
import { searchCut } from './judgeTrace.ts';
import { explainRefusals, groupRefusals, reasons } from './refusals.ts';

const SEARCH_WITHIN_MS = 12_000;
const VERIFY_WITHIN_MS = 6_000;
const MAX_RECORDS = 2_000;

type RefusalDeps = Pick<SpecialistDeps, 'trail' | 'verifyToken' | 'config'>;

const finding = defineFindings({
  trail_unread: ({ why }: { why: string }) => ({
    severity: 'warning',
    message: `the audit trail could not be read: ${why}`,
    evidence: {},
    remedy: 'Check the table audit with the task database_connection_issues, then ask again.',
  }),
  nameless_refusals_elsewhere: {
    severity: 'info',
    message: 'refusals of unknown callers are in the audit trail of the operator, not in that of this tenant',
    remedy: 'Send the trace id to the operator of the gateway and ask for the reason.',
  },
  signing_keys_unreachable: {
    severity: 'critical',
    message:
      'the token of this session could not be verified: the signing keys of its issuer cannot be fetched',
    remedy:
      'Check that the apps reach the issuer over https. Until then, an instance without cached keys refuses callers with 503.',
  },
  'session_token_*': ({ reason }: { reason: Refusal }) => ({
    variant: reason,
    severity: 'critical',
    message: `the token of this session is refused now: ${reasons[reason].what}`,
    evidence: { reason, heldTo: reasons[reason].rule },
    remedy: reasons[reason].remedy,
  }),
});

/** Inspects the refusals of a time span, or of one trace in it, and the token of the session. */
export async function inspectAuthentication(
  from: Date,
  traceId: string | undefined,
  deps: RefusalDeps,
  helpers: TaskHelpers,
): Promise<Inspection> {
  const [refusals, session] = await Promise.all([
    inspectRefusals({ from }, traceId, deps, helpers),
    inspectSession(deps, helpers),
  ]);
  return {
    facts: { ...refusals.facts, session: session.facts, from: from.toISOString() },
    findings: [...refusals.findings, ...session.findings],
  };
}

/** Groups and explains the refusals of a time span. Those of one trace are critical, since the caller asked about it. */
export async function inspectRefusals(
  query: TrailQuery,
  traceId: string | undefined,
  { trail, config }: Pick<RefusalDeps, 'trail' | 'config'>,
  { tenantId, signal }: Pick<TaskHelpers, 'tenantId' | 'signal'>,
): Promise<Inspection> {
  const found = await withTimeout(SEARCH_WITHIN_MS, signal, (own) =>
    readRecords(trail, tenantId, query, {
      limit: MAX_RECORDS,
      signal: own,
      wanted: (record) => isAccessRefusal(record) && (traceId === undefined || record.traceId === traceId),
    }),
  );
  if (!found.ok) return { facts: {}, findings: [finding('trail_unread', { why: found.error.message })] };
  const { records, read, cutAt } = found.value;
  const groups = groupRefusals(records);
  return {
    facts: { refusals: records.length, recordsRead: read, cutAt, groups },
    findings: [
      ...groups.map((group) => explainRefusals(group, traceId === undefined ? 'warning' : 'critical')),
      ...searchCut(cutAt),
      ...(tenantId === operatorTenantOf(config) ? [] : [finding('nameless_refusals_elsewhere', {})]),
    ],
  };
}

/** Says who asks, and verifies the token that the session keeps as the gateway does. */
async function inspectSession(
  { verifyToken, config }: Pick<RefusalDeps, 'verifyToken' | 'config'>,
  helpers: Pick<TaskHelpers, 'actor' | 'token' | 'signal'>,
): Promise<Inspection> {
  const { actor } = helpers;
  const token = await sessionToken(helpers);
  const facts = {
    signedIn: actor !== undefined,
    ...(actor && {
      userId: actor.userId,
      roles: actor.roles,
      expiresAt: new Date(actor.expiresAt).toISOString(),
    }),
  };
  if (token === undefined) return { facts: { ...facts, token: 'not kept' }, findings: [] };
  const resource = resourceOfToken(token, config);
  const verified = await withTimeout(VERIFY_WITHIN_MS, helpers.signal, () =>
    verifyToken(`Bearer ${token}`, resource),
  );
  if (!verified.ok)
    return { facts: { ...facts, token: 'not judged' }, findings: [finding('signing_keys_unreachable', {})] };
  if ('actor' in verified.value) return { facts: { ...facts, token: 'good' }, findings: [] };
  const { refusal } = verified.value;
  return { facts: { ...facts, token: refusal }, findings: [finding('session_token_*', { reason: refusal })] };
}
