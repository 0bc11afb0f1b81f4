import { boundRefusals } from '../../../shared/audit/journal/boundRefusals.ts';
import { reasonOf } from '../../../shared/identity/broker/signInRefusal.ts';
import type { DomainError } from '../../../shared/platform/base/errors.ts';
import type { Trace } from '../../../shared/platform/telemetry/trace.ts';
import type { AppDeps } from '../../compose/deps.ts';

export interface SignInAct {
  readonly action:
    | 'sign_in.authorize'
    | 'sign_in.consent'
    | 'sign_in.token'
    | 'sign_in.register'
    | 'sign_in.revoke'
    | 'connections.connect';
  /** The client id as the request names it, or the slug of a server. */
  readonly resource: string;
  readonly resourceName?: string;
  /** Absent: nobody knows the person. The record is in the operator's tenant then. */
  readonly person?: {
    readonly tenantId: string;
    readonly userId: string;
    readonly name?: string | undefined;
  };
  /** Why the act was refused. Absent: it was done. */
  readonly error?: DomainError;
  readonly trace: Trace;
}

export type RecordSignIn = (act: SignInAct) => void;

/** Returns a function that records the acts of the sign-in, and bounds the number of refusals. No record holds a token or a code. */
export function signInRecorder({
  audit,
  clock,
  operatorTenant,
}: Pick<AppDeps, 'audit' | 'clock' | 'operatorTenant'>): RecordSignIn {
  const recordRefusal = boundRefusals(audit, clock);
  return ({ action, resource, resourceName, person, error, trace }) => {
    const act = {
      tenantId: person?.tenantId ?? operatorTenant,
      actor: person?.userId ?? 'unknown',
      actorName: person?.name,
      action,
      resource: resource === '' ? 'unknown' : resource,
      ...(resourceName !== undefined && { resourceName }),
      durationMs: 0,
      traceId: trace.traceId,
    };
    if (error) recordRefusal({ ...act, decision: 'refused', outcome: error.kind, reason: reasonOf(error) });
    else audit.append({ ...act, decision: 'allowed', outcome: 'succeeded' });
  };
}
