import { z } from 'zod';
import { createDigest, isIntact } from '../../audit/model/hashChain.ts';
import type { AuditRecord } from '../../audit/model/record.ts';
import { type Verification, verifyTrail } from '../../audit/verify/verifyTrail.ts';
import { type Task, type TaskHelpers, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type Finding, verdict, verdictSchema } from '../finding.ts';
import { withinTime } from '../withTimeout.ts';
import { readRecords } from '../readRecords.ts';

type AuditDeps = Pick<SpecialistDeps, 'audit' | 'trail' | 'newId'>;

const STEP_WITHIN_MS = 10_000;
const STORE =
  'Look at the storage account of the gateway: nothing privileged can be done while the trail cannot be written.';

/** Writes to the audit trail as a privileged act does, and reads it again. */
export const auditLoggingVerification = (deps: AuditDeps): Task =>
  defineTask({
    name: 'audit_logging_verification',
    permissions: ['audit.read'],
    agent: 'mcp-security-auditor',
    description:
      'Writes a record to the audit trail ahead of an act and one of its end, finds both again as they were written, and verifies the chains that were written meanwhile.',
    timeoutMs: 40_000,
    input: z.strictObject({}),
    output: verdictSchema,
    async run(_, helpers) {
      const { tenantId, clock, signal } = helpers;
      // A record is dated when it is taken, by this very clock.
      const from = new Date(clock.now().getTime() - 1);
      const resource = `audit/checks/${deps.newId()}`;
      const written = await withinTime(STEP_WITHIN_MS, signal, () => write(resource, helpers, deps));
      if (!written.ok)
        return succeed(
          verdict(
            [say('not_written', `no record could be written: ${written.error.message}`, { resource }, STORE)],
            {
              resource,
            },
          ),
        );
      const read = await withinTime(STEP_WITHIN_MS, signal, (own) =>
        readRecords(deps.trail, tenantId, { action: ACTION, resource, from }, { limit: 10, signal: own }),
      );
      const checked = await withinTime(STEP_WITHIN_MS, signal, (own) =>
        verifyTrail(tenantId, { from }, { store: deps.trail, digest: createDigest(), signal: own }),
      );
      const findings = [
        ...(read.ok
          ? recordFindings(read.value.records, helpers)
          : [say('not_read', `the records could not be read: ${read.error.message}`, { resource }, STORE)]),
        ...(checked.ok
          ? chainFindings(checked.value)
          : [say('not_verified', `the chains could not be verified: ${checked.error.message}`, {}, STORE)]),
      ];
      return succeed(
        verdict(findings, {
          resource,
          storedAheadMs: written.value,
          records: read.ok ? read.value.records.map(({ id, outcome }) => ({ id, outcome })) : [],
          ...(checked.ok && { verified: checked.value.verified, segments: checked.value.segments }),
        }),
      );
    },
  });

const ACTION = 'audit.check';
const ACTOR = 'mcp-security-auditor';

/** Gives how long the record took that was stored ahead. */
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

const say = (rule: string, message: string, evidence: Finding['evidence'], remedy: string): Finding => ({
  rule,
  severity: 'critical',
  message,
  evidence,
  remedy,
});

function recordFindings(records: readonly AuditRecord[], { tenantId, traceId }: TaskHelpers): Finding[] {
  const begun = records.find(({ outcome }) => outcome === 'begun');
  const ended = records.find(({ outcome }) => outcome === 'succeeded');
  const findings: Finding[] = [];
  if (!begun)
    findings.push(
      say(
        'record_missing',
        'the record that was stored ahead of the act is not in the trail',
        { found: records.length },
        STORE,
      ),
    );
  if (!ended)
    findings.push(
      say(
        'end_missing',
        'the record of the end of the act is not in the trail',
        { found: records.length },
        STORE,
      ),
    );
  if (begun && ended && ended.begunBy !== begun.id)
    findings.push(
      say(
        'records_unlinked',
        'the record of the end does not name the one before the act',
        { begun: begun.id, begunBy: ended.begunBy ?? null },
        'Verify the trail: one of the two is not as it was written.',
      ),
    );
  const digest = createDigest();
  const changed = [begun, ended].filter(
    (record) =>
      record &&
      !(
        isIntact(record, digest) &&
        record.tenantId === tenantId &&
        record.actor === ACTOR &&
        record.traceId === traceId
      ),
  );
  for (const record of changed)
    findings.push(
      say(
        'record_changed',
        'a record is not in the trail as it was written',
        { id: record?.id ?? null },
        'Find out who may write to the table "audit" beside the apps.',
      ),
    );
  return findings;
}

/** What a verification found, as a finding; none for a sound trail. */
export function chainFindings({ firstBad, verified }: Verification): Finding[] {
  if (!firstBad) return [];
  const { id, at, reason } = firstBad;
  return [
    say(
      'trail_tampered',
      `the audit trail is not as it was written: the oldest record of which that can be said is ${id}, "${reason}"`,
      { id, at, reason, verified },
      'Find out who could write to the table "audit" at that time, keep a copy of it, and restrict that right.',
    ),
  ];
}
