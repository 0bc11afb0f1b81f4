import * as z from 'zod';
import { createDigest } from '../../shared/audit/model/hashChain.ts';
import { type AuditRecord, outcomes, plainText, recordSchema } from '../../shared/audit/model/record.ts';
import { searchTrail } from '../../shared/audit/model/searchTrail.ts';
import { verifyTrail } from '../../shared/audit/verify/verifyTrail.ts';
import type { DomainError } from '../../shared/platform/base/errors.ts';
import { fail, succeed } from '../../shared/platform/base/result.ts';
import { createTenantPlaces, type Taken } from '../../shared/platform/concurrency/tenantShare.ts';
import type { AppDeps } from '../compose/deps.ts';
import type { Route } from '../http/route.ts';
import { pageParameters, readPage, readQuery, spanShape } from './paging.ts';

const label = z.string().max(200).transform(plainText);
const querySchema = z.object({
  actor: label.optional(),
  action: label.optional(),
  resource: label.optional(),
  decision: recordSchema.shape.decision.optional(),
  outcome: z.enum(outcomes).optional(),
  ...spanShape,
});
const spanSchema = z.strictObject(spanShape);
type Span = z.infer<typeof spanSchema>;

/** Time for a verification in ms. Azure ends a request that is silent for more than 230 seconds. */
const VERIFY_WITHIN_MS = 200_000;

/** Verifications at once in one instance: each reads a whole trail, page by page, and hashes every record. */
const VERIFICATIONS_AT_ONCE = 4;
const TRY_AGAIN_AFTER_MS = 10_000;

/** Routes for the audit trail of the caller's tenant. */
export function auditRoutes({
  trail,
  tenants,
}: Pick<AppDeps, 'trail' | 'tenants'>): readonly Route<unknown>[] {
  const digest = createDigest();
  const places = createTenantPlaces(VERIFICATIONS_AT_ONCE, tenants.size);

  const list: Route = {
    name: 'audit-list',
    method: 'GET',
    path: 'audit',
    permission: 'audit.read',
    query: [...pageParameters, ...Object.keys(querySchema.shape)],
    async handle({ actor, query }) {
      const wanted = readQuery(query, querySchema);
      if (!wanted.ok) return wanted;
      return readPage(
        'audit',
        query,
        (limit, after) => searchTrail(trail, actor.tenantId, wanted.value, limit, after),
        view,
      );
    },
  };

  const verify: Route<Span> = {
    name: 'audit-verify',
    method: 'POST',
    path: 'audit/verifications',
    permission: 'audit.read',
    body: spanSchema,
    bodyWhenAbsent: {},
    deadlineMs: VERIFY_WITHIN_MS,
    async handle({ actor, body, signal }) {
      const place = places.take(actor.tenantId);
      if (place.kind !== 'taken') return fail(tooMany(place));
      try {
        const verification = await verifyTrail(actor.tenantId, body, { store: trail, digest, signal });
        return succeed({ status: 200, body: verification });
      } finally {
        place.leave();
      }
    },
  };

  return [list, verify];
}

function tooMany({ kind, atMost }: Exclude<Taken, { kind: 'taken' }>): DomainError {
  const message =
    kind === 'full'
      ? `${atMost} verifications are running, as many as run at once; try again when one has ended`
      : `your tenant has ${atMost} verifications running, which is its share; try again when one has ended`;
  return { kind: 'exhausted', message, retryAfterMs: TRY_AGAIN_AFTER_MS };
}

function view(record: AuditRecord) {
  const { id, at, tenantId, actor, action, resource, decision, outcome, durationMs, traceId } = record;
  const { actorName, resourceName, reason, count, begunBy, ownCheck } = record;
  return {
    id,
    at,
    tenantId,
    actor,
    actorName,
    action,
    resource,
    resourceName,
    decision,
    outcome,
    reason,
    durationMs,
    traceId,
    count,
    begunBy,
    ownCheck,
  };
}
