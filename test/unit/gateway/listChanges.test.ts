import { describe, expect, test } from 'vitest';
import type { ActiveServer } from '../../../shared/gateway/catalogue/catalogue.ts';
import type { Viewer } from '../../../shared/gateway/catalogue/clientView.ts';
import type { Refreshed } from '../../../shared/gateway/catalogue/refresh.ts';
import type { View } from '../../../shared/gateway/catalogue/view.ts';
import { followListChanges } from '../../../shared/gateway/listen/listChanges.ts';
import { createListWatch } from '../../../shared/gateway/listen/listWatch.ts';
import type { JsonObject } from '../../../shared/gateway/protocol/jsonRpc.ts';
import { legacyClient } from '../../../shared/gateway/protocol/legacyClient.ts';
import type { ChangingList } from '../../../shared/gateway/protocol/notifications.ts';
import { discoveryOf } from '../../support/handmadeUpstream.ts';
import { serverRecord } from '../../support/serverRecord.ts';

const server = { ...serverRecord({ slug: 'one' }), discovery: discoveryOf('legacy') } as ActiveServer;
/** Lets everything that is ready go on. */
const settle = () => new Promise((done) => setImmediate(done));

describe('announcements of a server that a list changed', () => {
  function followed(outcome: Refreshed = 'unchanged') {
    const heard: ChangingList[][] = [];
    const running: (() => void)[] = [];
    let refreshes = 0;
    let atOnce = 0;
    const refresh = async (): Promise<Refreshed> => {
      refreshes += 1;
      atOnce += 1;
      expect(atOnce).toBe(1);
      await new Promise<void>((done) => running.push(done));
      atOnce -= 1;
      return outcome;
    };
    const announce = followListChanges(
      refresh,
      (unseen) => Promise.resolve(void heard.push([...unseen])),
      () => {
        throw new Error('not expected');
      },
    );
    const end = async () => {
      running.shift()?.();
      await settle();
    };
    return { announce, end, heard, refreshes: () => refreshes };
  }

  test('lead to one refresh at a time, and to one more for all that came meanwhile', async () => {
    const { announce, end, heard, refreshes } = followed();
    for (let n = 0; n < 500; n++) announce(server, 'tools');
    expect(refreshes()).toBe(1);
    await end();
    expect(refreshes()).toBe(2);
    await end();
    expect(refreshes()).toBe(2);
    expect(heard).toEqual([[], []]);
    announce(server, 'tools');
    expect(refreshes()).toBe(3);
  });

  test.each<[Refreshed, ChangingList, ChangingList[], string]>([
    ['unchanged', 'tools', [], 'the catalogue compares them'],
    ['updated', 'tools', [], 'the catalogue compares them'],
    ['unavailable', 'tools', ['tools'], 'nobody can compare them'],
    ['unchanged', 'prompts', ['prompts'], 'the catalogue does not hold this list'],
  ])('are after a refresh that is %s, for %s, passed on as %j: %s', async (outcome, list, expected) => {
    const { announce, end, heard } = followed(outcome);
    announce(server, list);
    await end();
    expect(heard).toEqual([expected]);
  });
});

describe('a client hears of a list', () => {
  const wanted = { tools: true, prompts: false, resources: true, uris: new Map(), called: [] };
  function watched() {
    const lists: Record<string, readonly JsonObject[]> = {
      tools: [{ name: 'a' }],
      prompts: [],
      resources: [],
      resourceTemplates: [],
    };
    let version = 1;
    let reads = 0;
    const view = {
      current: () => Promise.resolve(view),
      list: (kind: string) => {
        reads += 1;
        return Promise.resolve(lists[kind]);
      },
    } as Partial<View> as View;
    const viewer: Viewer = { client: legacyClient, capabilities: {} };
    const watch = createListWatch(view, viewer, () => Promise.resolve(String(version)));
    const set = (kind: string, list: readonly JsonObject[]) => {
      lists[kind] = list;
      version += 1;
    };
    const heard = async (unseen?: ReadonlySet<ChangingList>) =>
      (await watch.changed(wanted, unseen)).map(({ method }) => method);
    return { heard, set, reads: () => reads };
  }

  test('that differs for it, and of no other', async () => {
    const { heard, set } = watched();
    expect(await heard()).toEqual([]);
    set('tools', [{ name: 'a' }]);
    expect(await heard()).toEqual([]);
    set('tools', [{ name: 'b' }]);
    expect(await heard()).toEqual(['notifications/tools/list_changed']);
    expect(await heard()).toEqual([]);
    set('prompts', [{ name: 'p' }]);
    expect(await heard()).toEqual([]);
    set('resourceTemplates', [{ uriTemplate: 'test://{a}' }]);
    expect(await heard()).toEqual(['notifications/resources/list_changed']);
  });

  test('that it wants, where the gateway could not compare it', async () => {
    const { heard } = watched();
    await heard();
    expect(await heard(new Set(['tools', 'prompts']))).toEqual(['notifications/tools/list_changed']);
  });

  test('without a list being read while nothing changes', async () => {
    const { heard, reads } = watched();
    await heard();
    const before = reads();
    for (let n = 0; n < 10; n++) await heard();
    expect(reads()).toBe(before);
  });
});
