import { setImmediate as nextTurn } from 'node:timers/promises';
import { invalid, type Result, succeed } from '../../platform/base/result.ts';
import type { Log } from '../../platform/telemetry/log.ts';
import { readUpstreamEntry, type UpstreamEntry } from '../officialApi/upstreamEntry.ts';
import { literalSecrets } from '../secrets/literalSecrets.ts';
import type { VersionStore } from '../versions/versionStore.ts';
import { follow, type Followed, type Follower } from './follow.ts';
import { addFigures, type Figures, NO_FIGURES } from './registrySync.ts';

export interface TakeOverDeps {
  readonly versions: VersionStore;
  readonly log: Log;
}

/** Imports the entries of a page, server by server. An invalid entry is skipped and logged. */
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

/** Reads an entry and rejects literal secrets. A deleted entry is accepted with any content. */
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
  // If a page holds an entry twice, the later one wins.
  const inOrder = entries.toSorted((one, other) => compare(one.updatedAt ?? '', other.updatedAt ?? ''));
  const outcomes = new Map<UpstreamEntry, Followed['outcome']>();
  const changed = await versions.change(follower.tenantId, name, (before) =>
    succeed(
      inOrder.reduce((current, entry) => {
        const followed = follow(entry, current, follower);
        // The store decides again after it stored a first part: what changed then is unchanged now.
        if (followed.outcome !== 'unchanged' || !outcomes.has(entry)) outcomes.set(entry, followed.outcome);
        return followed.versions;
      }, before),
    ),
  );
  if (!changed.ok) throw new Error('a decision that always succeeds has failed');
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
