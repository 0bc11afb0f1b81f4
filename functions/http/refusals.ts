import type { Audit } from '../../shared/audit/journal/audit.ts';
import { boundRefusals } from '../../shared/audit/journal/boundRefusals.ts';
import { isPermission } from '../../shared/identity/access/permissions.ts';
import type { EventWatch } from '../../shared/orchestration/events/eventWatch.ts';
import type { Clock } from '../../shared/platform/base/clock.ts';
import type { Config } from '../../shared/platform/config/config.ts';
import type { Refused } from './admit.ts';

/**
 * Returns a function that records rejected sign-ins and missing permissions in the audit trail. A rejected sign-in belongs to no
 * tenant, so its record is in the operator's tenant. It holds nothing of the token.
 */
export function refusalRecorder({
  audit,
  clock,
  config,
  operatorTenant,
  watch,
}: {
  readonly audit: Pick<Audit, 'append'>;
  readonly clock: Clock;
  readonly config: Pick<Config, 'app'>;
  readonly operatorTenant: string;
  readonly watch: EventWatch;
}): (refused: Refused) => void {
  const record = boundRefusals(audit, clock);
  return ({ reason, actor, trace, isOwnCheck }) => {
    const isLacking = isPermission(reason);
    // A client without a token has not failed: the answer tells it where to sign in.
    if (!actor && !isOwnCheck && reason !== 'missing') {
      const sign = { type: 'authentication_failure', tenantId: operatorTenant, subject: reason } as const;
      watch({ ...sign, detail: { app: config.app }, trace });
    }
    record({
      tenantId: actor?.tenantId ?? operatorTenant,
      actor: actor?.userId ?? 'unknown',
      actorName: actor?.name,
      action: isLacking ? reason : 'sign_in',
      resource: isLacking ? config.app : reason,
      decision: 'refused',
      outcome: isLacking ? 'forbidden' : 'unauthenticated',
      durationMs: 0,
      traceId: trace.traceId,
      ...(isOwnCheck && { ownCheck: true }),
    });
  };
}
