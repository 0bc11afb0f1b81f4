import { createFairQueue } from '../../platform/concurrency/fairQueue.ts';
import { roundRobin } from '../../platform/concurrency/roundRobin.ts';
import type { GatewayDeps } from '../calls/request.ts';
import { type ActiveServer, isActive } from './catalogue.ts';
import { createRefresh } from './refresh.ts';

/** Servers that are discovered at once: one that is slow holds up only its own turn. */
const AT_ONCE = 4;
const PAGE = 50;

type Deps = Pick<GatewayDeps, 'servers' | 'outboundTo' | 'shortLived' | 'clock'>;

/**
 * Discovers every active server anew, so that lists do not go stale when a server says nothing of its changes. The tenants
 * take turns: one with a thousand servers does not use up the time of the others. One server that does not answer keeps its
 * last lists. Gives up when the signal is aborted; the next time begins anew.
 */
export async function refreshAll(deps: Deps, tenants: Iterable<string>, signal: AbortSignal): Promise<void> {
  // The tenants take turns below.
  const discoveries = createFairQueue(AT_ONCE, 1);
  const refresh = createRefresh({ ...deps, discoveries }, () => undefined);
  const waiting = roundRobin(Array.from(tenants, (tenantId) => serversOf(tenantId, deps)));
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (!signal.aborted) {
        const { done, value } = await waiting.next();
        if (done) return;
        await refresh(value);
      }
    }),
  );
}

async function* serversOf(tenantId: string, { servers }: Deps): AsyncIterable<ActiveServer> {
  let after: string | undefined;
  do {
    const page = await servers.list(tenantId, { status: 'active' }, PAGE, after);
    yield* page.items.filter(isActive);
    after = page.after;
  } while (after !== undefined);
}
