import type { View } from '../catalogue/view.ts';
import type { ClientEra } from '../protocol/clientEra.ts';
import type { JsonRpcNotification } from '../protocol/jsonRpc.ts';
import { type ChangingList, changingLists, listChanged } from '../protocol/notifications.ts';
import type { Subscription } from '../upstream/upstreamEra.ts';

/** Compares the lists of an endpoint with those that it saw before. */
export interface ListWatch {
  /** Returns a notification for each wanted list that differs from the last one seen. */
  changed(wanted: Subscription | undefined): Promise<readonly JsonRpcNotification[]>;
}

/** It reads the lists only when the version of the registry has changed. */
export function createListWatch(
  view: View,
  client: ClientEra,
  version: () => Promise<string | undefined>,
): ListWatch {
  let seenVersion: string | undefined;
  let seen = new Map<ChangingList, string>();
  return {
    async changed(wanted) {
      const now = await version();
      if (now === seenVersion) return [];
      seenVersion = now;
      const fresh = await view.current();
      const lists = new Map<ChangingList, string>();
      for (const kind of changingLists)
        if (wanted?.[kind] === true) lists.set(kind, JSON.stringify(await fresh?.list(kind, client)));
      const changed = [...lists].filter(([kind, list]) => list !== seen.get(kind));
      seen = lists;
      return changed.map(([kind]) => ({ jsonrpc: '2.0', method: listChanged(kind) }));
    },
  };
}
