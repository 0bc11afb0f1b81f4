import { createDigest, isIntact } from '../../audit/model/hashChain.ts';
import type { AuditRecord } from '../../audit/model/record.ts';
import { type Verification, verifyTrail } from '../../audit/verify/verifyTrail.ts';
import type { Task, TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { SpecialistDeps } from '../deps.ts';
import { defineFindings, type Finding } from '../finding.ts';
import { inspectionsOf } from '../inspection.ts';
import { readRecords } from '../readRecords.ts';
import { withTimeout } from '../withTimeout.ts';

type AuditDeps = Pick<SpecialistDeps, 'audit' | 'trail' | 'newId'>;

const STEP_WITHIN_MS = 10_000;
const CHECK_STORE =
  'Check the storage account of the gateway: privileged acts are blocked while the audit trail cannot be written.';

const finding = defineFindings({
  not_written: ({ resource, problem }: { resource: string; problem: string }) => ({
    severity: 'critical',
    message: `no record could be written: ${problem}`,
    evidence: { resource },
    remedy: CHECK_STORE,
  }),
  not_read: ({ resource, problem }: { resource: string; problem: string }) => ({
    severity: 'critical',
    message: `the records could not be read: ${problem}`,
    evidence: { resource },
    remedy: CHECK_STORE,
  }),
  not_verified: ({ problem }: { problem: string }) => ({
    severity: 'critical',
    message: `the hash chains could not be verified: ${problem}`,
    evidence: {},
    remedy: CHECK_STORE,
  }),
  record_missing: (facts: { found: number }) => ({
    severity: 'critical',
    message: 'the record that was stored before the act is not in the audit trail',
    evidence: facts,
    remedy: CHECK_STORE,
  }),
  end_missing: (facts: { found: number }) => ({
    severity: 'critical',
    message: 'the record of the end of the act is not in the audit trail',
    evidence: facts,
    remedy: CHECK_STORE,
  }),
  records_unlinked: (facts: { begun: string; begunBy: string | null }) => ({
    severity: 'critical',
    message: 'the record of the end does not name the record before the act',
    evidence: facts,
    remedy: 'Run audit_trail_analysis: one of the two records was changed.',
  }),
  record_changed: (facts: { id: string }) => ({
    severity: 'critical',
    message: 'a record in the audit trail differs from what was written',
    evidence: facts,
    remedy: 'Find out who may write to the table "audit" besides the apps.',
  }),
  trail_tampered: ({ id, reason }: { id: string; at: string; reason: string; verified: number }) => ({
    severity: 'critical',
    message: `the audit trail was changed: the oldest changed or missing record is ${id}, "${reason}"`,
    remedy:
      'Find out who could write to the table "audit" at that time, keep a copy of it, and restrict this right.',
  }),
});

const { gateCheck } = inspectionsOf('mcp-security-auditor');

/** Writes to the audit trail as a privileged act does, and reads the records again. */
export const auditLoggingVerification = (deps: AuditDeps): Task =>
  gateCheck({
    name: 'audit_logging_verification',
    permissions: ['audit.read'],
    description:
      'Writes a record to the audit trail before an act and one at its end, finds both unchanged, and verifies the hash chains that were written meanwhile.',
    timeoutMs: 40_000,
    async inspect(_, helpers) {
      const { tenantId, clock, signal } = helpers;
      // Records are dated by the same clock.
      const from = new Date(clock.now().getTime() - 1);
      const resource = `audit/checks/${deps.newId()}`;
      const written = await withTimeout(STEP_WITHIN_MS, signal, () => write(resource, helpers, deps));
      if (!written.ok)
        return {
          findings: [finding('not_written', { resource, problem: written.error.message })],
          facts: { resource },
        };
      const read = await withTimeout(STEP_WITHIN_MS, signal, (own) =>
        readRecords(deps.trail, tenantId, { action: ACTION, resource, from }, { limit: 10, signal: own }),
      );
      const checked = await withTimeout(STEP_WITHIN_MS, signal, (own) =>
        verifyTrail(tenantId, { from }, { store: deps.trail, digest: createDigest(), signal: own }),
      );
      const findings = [
        ...(read.ok
          ? recordFindings(read.value.records, helpers)
          : [finding('not_read', { resource, problem: read.error.message })]),
        ...(checked.ok
          ? chainFindings(checked.value)
          : [finding('not_verified', { problem: checked.error.message })]),
      ];
      return {
        findings,
        facts: {
          resource,
          storedAheadMs: written.value,
          records: read.ok ? read.value.records.map(({ id, outcome }) => ({ id, outcome })) : [],
          ...(checked.ok && { verified: checked.value.verified, segments: checked.value.segments }),
        },
      };
    },
  });

const ACTION = 'audit.check';
const ACTOR = 'mcp-security-auditor';

/** Returns how many milliseconds it took to store the record before the act. */
async function write(
  resource: string,
  { tenantId, traceId }: TaskHelpers,
  { audit }: AuditDeps,
): Promise<number> {
  const startedAt = performance.now();
  const act = await audit.writeAhead({ tenantId, actor: ACTOR, action: ACTION, resource, traceId });
  const storedAheadMs = Math.round(performance.now() - startedAt);
  act.end('succeeded');
  await audit.flush();
  return storedAheadMs;
}

function recordFindings(records: readonly AuditRecord[], { tenantId, traceId }: TaskHelpers): Finding[] {
  const begun = records.find(({ outcome }) => outcome === 'begun');
  const ended = records.find(({ outcome }) => outcome === 'succeeded');
  const found = records.length;
  const findings: Finding[] = [];
  if (!begun) findings.push(finding('record_missing', { found }));
  if (!ended) findings.push(finding('end_missing', { found }));
  if (begun && ended && ended.begunBy !== begun.id)
    findings.push(finding('records_unlinked', { begun: begun.id, begunBy: ended.begunBy ?? null }));
  const digest = createDigest();
  for (const record of [begun, ended]) {
    if (!record) continue;
    const isOurs = record.tenantId === tenantId && record.actor === ACTOR && record.traceId === traceId;
    if (!isOurs || !isIntact(record, digest)) findings.push(finding('record_changed', { id: record.id }));
  }
  return findings;
}

/** Returns the finding of a failed verification; none for an unchanged trail. */
export function chainFindings({ firstBad, verified }: Verification): Finding[] {
  if (!firstBad) return [];
  const { id, at, reason } = firstBad;
  return [finding('trail_tampered', { id, at, reason, verified })];
}
