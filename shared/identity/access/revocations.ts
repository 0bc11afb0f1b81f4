import { andThen, type Awaitable } from '../../platform/base/awaitable.ts';
import type { Clock } from '../../platform/base/clock.ts';
import { InfrastructureError } from '../../platform/base/errors.ts';
import type { IdSource } from '../../platform/base/ids.ts';
import { inBatches } from '../../platform/concurrency/inBatches.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import {
  REVOCATIONS_FRESH_MS,
  REVOCATIONS_MAX_AGE_MS,
  REVOCATIONS_PAGE,
  REVOCATIONS_RETRY_MS,
  REVOCATIONS_VERSION_TTL_MS,
} from '../limits.ts';
import type { Actor } from './actor.ts';
import {
  type Revocation,
  revocationIdOf,
  type RevocationStore,
  type RevokedSubject,
  subjectsOf,
} from './revocation.ts';

type Named = Pick<Actor, 'tenantId' | 'userId' | 'clientId'>;

/**
 * Returns whether an administrator ended the access of the user, or of the client, in the tenant.
 * @throws InfrastructureError when that has not been known for a minute: the request is refused then.
 */
export type IsRevoked = (actor: Named) => Awaitable<boolean>;

/** Revocations as both apps use them: stored in the table, and known to every instance within about a second. */
export interface Revocations extends Pick<RevocationStore, 'find' | 'list'> {
  /** For requests. It asks the state at most once a second for a tenant, and the table after a change. */
  readonly isRevoked: IsRevoked;
  /** The same for accepted work. It reads the table, so that work does not depend on the state. */
  readonly isStored: (actor: Named) => Promise<boolean>;
  /**
   * Stores the revocation, makes it known to all instances and ends the sign-ins of its user. Returns the stored one if the
   * subject was revoked before: then it repeats the rest, which may have failed.
   * @throws InfrastructureError when a part failed: a repetition completes it
   */
  add(revocation: Revocation): Promise<Revocation>;
  lift(tenantId: string, id: string): Promise<'removed' | 'missing'>;
}

/** What an instance knows about the revocations of one tenant. */
interface Known {
  readonly subjects: ReadonlySet<string>;
  readonly version: string | undefined;
  /** When the subjects were the present ones. */
  readonly readAt: number;
  readonly freshUntil: number;
}

/**
 * The state holds a version for each tenant, and the table the revocations. A writer changes the table first and the version
 * second; a reader reads the version first and the table second. So a reader never keeps old revocations under a new version. A
 * state that lost its data gets a version that no instance has had.
 *
 * Without the state, an instance reads the table each second. Without the table, it keeps what it knows while the version is the
 * same, or for a minute where the version is unknown too. So an outage of one store refuses nobody.
 */
export function createRevocations(deps: {
  readonly store: RevocationStore;
  readonly state: StateStore;
  readonly clock: Clock;
  readonly newId: IdSource;
  /** Ends what a user signed in with: sessions, grants. */
  readonly endSignInsOf: (tenantId: string, userId: string) => Promise<void>;
}): Revocations {
  const { store, state, clock, newId, endSignInsOf } = deps;
  const knownOf = new Map<string, Known>();
  const reading = new Map<string, Promise<Known>>();
  /** The state failed: until then only the table is read. */
  let stateAwayUntil = 0;
  const now = (): number => clock.now().getTime();
  /** Whether a time is still to come. A clock that was set back does not delay it. */
  const isAhead = (time: number): boolean => now() < time && time - now() <= REVOCATIONS_RETRY_MS;
  const keyOf = (tenantId: string): string => `mreg:revocations:${tenantId}`;

  /** Returns `undefined` where the state does not answer. */
  async function readVersion(tenantId: string): Promise<string | undefined> {
    if (isAhead(stateAwayUntil)) return undefined;
    const key = keyOf(tenantId);
    try {
      const found = await state.get(key);
      if (found !== undefined) return found;
      const begun = newId();
      const stored = await state.compareAndSet(key, undefined, begun, REVOCATIONS_VERSION_TTL_MS);
      return stored === 'stored' ? begun : await state.get(key);
    } catch (error) {
      if (!(error instanceof InfrastructureError)) throw error;
      stateAwayUntil = now() + REVOCATIONS_RETRY_MS;
      return undefined;
    }
  }

  async function readSubjects(tenantId: string): Promise<ReadonlySet<string>> {
    const subjects = new Set<string>();
    let after: string | undefined;
    do {
      const page = await store.list(tenantId, REVOCATIONS_PAGE, after);
      for (const { subject } of page.items) subjects.add(textOf(subject));
      after = page.after;
    } while (after !== undefined);
    return subjects;
  }

  async function read(tenantId: string): Promise<Known> {
    const readAt = now();
    const before = knownOf.get(tenantId);
    const version = await readVersion(tenantId);
    const isSame = version !== undefined && version === before?.version;
    const isRecent = before !== undefined && isWithin(readAt, before.readAt, REVOCATIONS_MAX_AGE_MS);
    const known =
      isSame && isRecent
        ? { ...before, freshUntil: readAt + REVOCATIONS_FRESH_MS }
        : await readSubjects(tenantId).then(
            (subjects) => ({ subjects, version, readAt, freshUntil: readAt + REVOCATIONS_FRESH_MS }),
            (error: unknown) => {
              if (before === undefined || !(isSame || isRecent)) throw error;
              return { ...before, ...(isSame && { readAt }), freshUntil: now() + REVOCATIONS_RETRY_MS };
            },
          );
    knownOf.set(tenantId, known);
    return known;
  }

  /** Concurrent requests of a tenant share one reading. */
  function current(tenantId: string): Awaitable<Known> {
    const known = knownOf.get(tenantId);
    if (known && isAhead(known.freshUntil)) return known;
    let under = reading.get(tenantId);
    if (!under) {
      under = read(tenantId).finally(() => reading.delete(tenantId));
      reading.set(tenantId, under);
    }
    return under;
  }

  /** Concurrent work of one actor shares a reading, which begins after it asked. */
  const isStored = inBatches(nameOf, async ([actor]: readonly Named[]) => {
    if (!actor) return false;
    const ids = subjectsOf(actor).map(revocationIdOf);
    const found = await Promise.all(ids.map((id) => store.find(actor.tenantId, id)));
    return found.some((revocation) => revocation !== undefined);
  });

  const announce = (tenantId: string): Promise<void> =>
    state.set(keyOf(tenantId), newId(), REVOCATIONS_VERSION_TTL_MS);

  return {
    find: (tenantId, id) => store.find(tenantId, id),
    list: (tenantId, limit, after) => store.list(tenantId, limit, after),

    isRevoked: (actor) => andThen(current(actor.tenantId), (known) => isAmong(known, actor)),

    isStored,

    async add(revocation) {
      const { tenantId, id, subject } = revocation;
      const isNew = (await store.add(revocation)) === 'inserted';
      await announce(tenantId);
      if ('user' in subject) await endSignInsOf(tenantId, subject.user);
      return isNew ? revocation : ((await store.find(tenantId, id)) ?? revocation);
    },

    async lift(tenantId, id) {
      const outcome = await store.remove(tenantId, id);
      await announce(tenantId);
      return outcome;
    },
  };
}

const isAmong = ({ subjects }: Known, actor: Parameters<IsRevoked>[0]): boolean =>
  subjects.size > 0 && subjectsOf(actor).some((subject) => subjects.has(textOf(subject)));

/** Returns whether less than `ms` passed since a time of the same clock. A clock that was set back makes it older. */
const isWithin = (now: number, since: number, ms: number): boolean => now >= since && now - since < ms;

const nameOf = (actor: Named): string => [actor.tenantId, ...subjectsOf(actor).map(textOf)].join('\n');

const textOf = (subject: RevokedSubject): string =>
  'user' in subject ? `user ${subject.user}` : `client ${subject.client}`;
