import type { ActiveServer } from '../catalogue/catalogue.ts';
import type { Refresh } from '../catalogue/refresh.ts';
import type { ChangingList } from '../protocol/notifications.ts';

/** Lists that the catalogue of a server lacks. The gateway asks the server for them on demand, and cannot compare them. */
const isHeld = ({ discovery }: ActiveServer, list: ChangingList): boolean =>
  list === 'tools' || discovery[list] !== undefined;

/**
 * Follows the announcements of servers that a list changed. One refresh of a server runs at a time, and all announcements that
 * come meanwhile lead to one more. `onRefreshed` gets the announced lists that the gateway could not read.
 */
export function followListChanges(
  refresh: Refresh,
  onRefreshed: (unseen: ReadonlySet<ChangingList>) => Promise<void>,
  onFault: () => void,
): (server: ActiveServer, list: ChangingList) => void {
  const announced = new Map<string, Set<ChangingList>>();

  async function follow(server: ActiveServer): Promise<void> {
    const { slug } = server;
    for (let lists = announced.get(slug); lists?.size; lists = announced.get(slug)) {
      announced.set(slug, new Set());
      const refreshed = await refresh(server);
      const unseen = [...lists].filter((list) => refreshed === 'unavailable' || !isHeld(server, list));
      await onRefreshed(new Set(unseen));
    }
    announced.delete(slug);
  }

  return (server, list) => {
    const waiting = announced.get(server.slug);
    if (waiting) {
      waiting.add(list);
      return;
    }
    announced.set(server.slug, new Set([list]));
    follow(server).catch(onFault);
  };
}
