import { createHash } from 'node:crypto';
import type { Viewer } from '../catalogue/clientView.ts';
import type { ListKind, View } from '../catalogue/view.ts';
import type { JsonRpcNotification } from '../protocol/jsonRpc.ts';
import { type ChangingList, changingLists, listChanged } from '../protocol/notifications.ts';
import type { Subscription } from '../upstream/upstreamEra.ts';

/** Compares the lists of an endpoint with those that it saw before. */
export interface ListWatch {
  /**
   * Returns a notification for each wanted list that differs from the list of the call before. The first call returns none.
   * `unseen` names lists that changed at a server and that the gateway could not read. It announces them without a comparison.
   */
  changed(
    wanted: Subscription | undefined,
    unseen?: ReadonlySet<ChangingList>,
  ): Promise<readonly JsonRpcNotification[]>;
}

/** What each notification is about. Templates have no notification of their own. */
const kinds: Readonly<Record<ChangingList, readonly ListKind[]>> = {
  tools: ['tools'],
  prompts: ['prompts'],
  resources: ['resources', 'resourceTemplates'],
};

/** It reads the lists only when the version of the registry has changed. */
export function createListWatch(
  view: View,
  viewer: Viewer,
  version: () => Promise<string | undefined>,
): ListWatch {
  let seenVersion: string | undefined;
  let seen: ReadonlyMap<ChangingList, string> | undefined;

  async function read(wanted: Subscription | undefined): Promise<ReadonlyMap<ChangingList, string>> {
    const fresh = await view.current();
    const lists = new Map<ChangingList, string>();
    for (const name of changingLists) {
      if (wanted?.[name] !== true) continue;
      const hash = createHash('sha256');
      for (const kind of kinds[name]) hash.update(JSON.stringify([kind, await fresh?.list(kind, viewer)]));
      lists.set(name, hash.digest('base64'));
    }
    return lists;
  }

  return {
    async changed(wanted, unseen = new Set()) {
      const changed = new Set([...unseen].filter((name) => wanted?.[name] === true));
      const now = await version();
      if (now !== seenVersion) {
        seenVersion = now;
        const before = seen;
        const lists = await read(wanted);
        seen = lists;
        for (const [name, list] of lists) if (before && before.get(name) !== list) changed.add(name);
      }
      return [...changed].map((name) => ({ jsonrpc: '2.0', method: listChanged(name) }));
    },
  };
}
