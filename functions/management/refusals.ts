import { boundRefusals } from '../../shared/audit/boundRefusals.ts';
import { isPermission } from '../../shared/identity/permissions.ts';
import type { Refused } from '../admit.ts';
import type { AppDeps } from '../compose.ts';

/**
 * Records refused sign-ins and missing permissions. Who was not let in belongs to no tenant: such a record goes to the first
 * tenant of the settings, the operator's own, and holds nothing of the token.
 */
export function refusalRecorder({
  audit,
  clock,
  config,
}: Pick<AppDeps, 'audit' | 'clock' | 'config'>): (refused: Refused) => void {
  const record = boundRefusals(audit, clock);
  const [operatorTenant = ''] = config.tenants;
  return ({ reason, principal, trace: { traceId } }) => {
    const isLacking = isPermission(reason);
    record({
      tenantId: principal?.tenantId ?? operatorTenant,
      actor: principal?.userId ?? 'unknown',
      action: isLacking ? reason : 'sign_in',
      resource: isLacking ? 'management' : reason,
      decision: 'refused',
      outcome: principal ? 'forbidden' : 'unauthenticated',
      durationMs: 0,
      traceId,
    });
  };
}
