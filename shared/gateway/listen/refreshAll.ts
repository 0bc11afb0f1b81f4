import type { GatewayDeps } from '../request.ts';
import { isActive } from '../view/catalogue.ts';
import { createRefresh } from './refresh.ts';

/** Servers that are discovered at once: one that is slow holds up only its own turn. */
const AT_ONCE = 4;
const PAGE = 50;

/**
 * Discovers every active server anew, so that lists do not go stale when a server says nothing of its changes. One that does
 * not answer keeps its last lists. Gives up when the signal is aborted; the next time begins anew.
 */
export async function refreshAll(
  deps: Pick<GatewayDeps, 'servers' | 'outboundTo' | 'shortLived' | 'clock'>,
  tenants: Iterable<string>,
  signal: AbortSignal,
): Promise<void> {
  const refresh = createRefresh(deps, () => undefined);
  for (const tenantId of tenants) {
    let after: string | undefined;
    do {
      const page = await deps.servers.list(tenantId, { status: 'active' }, PAGE, after);
      const waiting = page.items.filter(isActive);
      await Promise.all(
        Array.from({ length: AT_ONCE }, async () => {
          for (let server = waiting.shift(); server && !signal.aborted; server = waiting.shift()) {
            await refresh(server);
          }
        }),
      );
      after = page.after;
    } while (after !== undefined && !signal.aborted);
  }
}
