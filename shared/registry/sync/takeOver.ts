import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Log } from '../../platform/telemetry/log.ts';
import { invalid } from '../../platform/base/invalid.ts';
import { type Result, succeed } from '../../platform/base/result.ts';
import type { VersionStore } from '../versions/versionStore.ts';
import { type Followed, type Follower, follow } from './follow.ts';
import { type Figures, NO_FIGURES, addFigures } from './registrySync.ts';
import { literalSecrets } from '../secrets/literalSecrets.ts';
import { type UpstreamEntry, readUpstreamEntry } from '../officialApi/upstreamEntry.ts';

export interface TakeOverDeps {
  readonly versions: VersionStore;
  readonly log: Log;
}

/** Takes the entries of a page over, server by server. One that is in bad order is passed over and logged. */
export async function takeOver(
  page: readonly unknown[],
  follower: Follower,
  deps: TakeOverDeps,
): Promise<Figures> {
  const { source } = follower;
  const entries: UpstreamEntry[] = [];
  for (const [position, value] of page.entries()) {
    const entry = readEntry(value);
    if (entry.ok) entries.push(entry.value);
    else {
      const [problem] = entry.error.errors ?? [];
      deps.log.warn('registry_entry_skipped', {
        source,
        position,
        reason: `${problem?.path ?? ''} ${problem?.message ?? entry.error.message}`.trim(),
      });
    }
    // A page may be long: yield to the event loop.
    await nextTurn();
  }
  let figures: Figures = { ...NO_FIGURES, skipped: page.length - entries.length };
  const byName = Map.groupBy(entries, ({ server }) => server.name);
  for (const [name, ofServer] of byName) {
    figures = addFigures(figures, await takeServer(name, ofServer, follower, deps));
  }
  return figures;
}

/** An entry without literal secrets. A deletion is followed whatever the entry holds. */
function readEntry(value: unknown): Result<UpstreamEntry> {
  const entry = readUpstreamEntry(value);
  if (!entry.ok || entry.value.status === 'deleted') return entry;
  const [secret] = literalSecrets(entry.value.server);
  return secret ? invalid(['server', ...secret.path].join('.'), secret.message) : entry;
}

async function takeServer(
  name: string,
  entries: readonly UpstreamEntry[],
  follower: Follower,
  { versions, log }: TakeOverDeps,
): Promise<Figures> {
  // Of an entry that is there twice, the later one holds.
  const inOrder = entries.toSorted((one, other) => compare(one.updatedAt ?? '', other.updatedAt ?? ''));
  const outcomes = new Map<UpstreamEntry, Followed['outcome']>();
  const changed = await versions.change(follower.tenantId, name, (before) =>
    succeed(
      inOrder.reduce((current, entry) => {
        const followed = follow(entry, current, follower);
        // The store may ask again when a first part is stored: what changed then is unchanged now.
        if (followed.outcome !== 'unchanged' || !outcomes.has(entry)) outcomes.set(entry, followed.outcome);
        return followed.versions;
      }, before),
    ),
  );
  if (!changed.ok) throw new Error('a decision that cannot fail has failed');
  return [...outcomes].reduce((figures, [{ server }, outcome]) => {
    if (outcome === 'ours' || outcome === 'altered') {
      log.info('registry_entry_skipped', {
        source: follower.source,
        server: server.name,
        version: server.version,
        reason: outcome,
      });
    }
    const field = outcome === 'ours' || outcome === 'altered' ? 'skipped' : outcome;
    return { ...figures, [field]: figures[field] + 1 };
  }, NO_FIGURES);
}

const compare = (one: string, other: string): number => (one < other ? -1 : Number(one > other));
