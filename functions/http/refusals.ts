import { boundRefusals } from '../../shared/audit/journal/boundRefusals.ts';
import { isPermission } from '../../shared/identity/access/permissions.ts';
import type { Refused } from './admit.ts';
import type { AppDeps } from '../compose/compose.ts';

/**
 * Records refused sign-ins and missing permissions. A refused sign-in belongs to no tenant: its record goes to the
 * operator's tenant, and holds nothing of the token.
 */
export function refusalRecorder({
  audit,
  clock,
  config,
  operatorTenant,
  watch,
}: Pick<AppDeps, 'audit' | 'clock' | 'config' | 'operatorTenant' | 'watch'>): (refused: Refused) => void {
  const record = boundRefusals(audit, clock);
  return ({ reason, principal, trace }) => {
    const isLacking = isPermission(reason);
    // A client without a token has not failed: it is told where to get one.
    if (!principal && reason !== 'missing') {
      const sign = { type: 'authentication_failure', tenantId: operatorTenant, subject: reason } as const;
      watch({ ...sign, detail: { app: config.app }, trace });
    }
    record({
      tenantId: principal?.tenantId ?? operatorTenant,
      actor: principal?.userId ?? 'unknown',
      action: isLacking ? reason : 'sign_in',
      resource: isLacking ? config.app : reason,
      decision: 'refused',
      outcome: principal ? 'forbidden' : 'unauthenticated',
      durationMs: 0,
      traceId: trace.traceId,
    });
  };
}
