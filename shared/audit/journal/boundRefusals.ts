import type { Clock } from '../../platform/base/clock.ts';
import { REFUSAL_WINDOW_MS, REFUSALS_A_MINUTE } from '../limits.ts';
import type { AuditEvent } from '../model/record.ts';
import type { Audit } from './audit.ts';

interface Window {
  readonly endsAt: number;
  count: number;
  last: AuditEvent;
}

/**
 * Returns a function that records refusals and bounds their number. In each minute, the first 20 of a tenant, action and reason
 * have records of their own; own checks of the gateway are counted apart. When the minute is over, one record without an actor
 * counts the others. A refusal without a reason is counted by its resource. All of them must come from a closed list.
 */
export function boundRefusals(audit: Pick<Audit, 'append'>, clock: Clock): (refusal: AuditEvent) => void {
  const windows = new Map<string, Window>();

  function close(name: string): void {
    const window = windows.get(name);
    windows.delete(name);
    const rest = (window?.count ?? 0) - REFUSALS_A_MINUTE;
    if (window && rest > 0)
      audit.append({ ...window.last, actor: 'various', actorName: undefined, traceId: '', count: rest });
  }

  return (refusal) => {
    const name = JSON.stringify([
      refusal.tenantId,
      refusal.action,
      refusal.reason ?? refusal.resource,
      refusal.ownCheck ?? false,
    ]);
    const now = clock.now().getTime();
    if ((windows.get(name)?.endsAt ?? Infinity) <= now) close(name);
    const window = windows.get(name) ?? { endsAt: now + REFUSAL_WINDOW_MS, count: 0, last: refusal };
    windows.set(name, window);
    window.last = refusal;
    window.count += 1;
    if (window.count <= REFUSALS_A_MINUTE) audit.append(refusal);
    else if (window.count === REFUSALS_A_MINUTE + 1) {
      setTimeout(() => {
        if (windows.get(name) === window) close(name);
      }, window.endsAt - now).unref();
    }
  };
}
