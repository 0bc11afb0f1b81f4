import type { Clock } from '../../platform/base/clock.ts';
import type { IdSource } from '../../platform/base/ids.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import {
  REVOCATIONS_FRESH_MS,
  REVOCATIONS_MAX_AGE_MS,
  REVOCATIONS_PAGE,
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

/**
 * Returns whether an administrator ended the access of the user, or of the client, in the tenant.
 * @throws InfrastructureError when that is not known: the request is refused then.
 */
export type IsRevoked = (actor: Pick<Actor, 'tenantId' | 'userId' | 'clientId'>) => Promise<boolean>;

/** Revocations as both apps use them: stored in the table, and known to every instance within about a second. */
export interface Revocations extends Pick<RevocationStore, 'find' | 'list'> {
  /** For requests. It asks the state at most once a second for a tenant, and the table after a change. */
  readonly isRevoked: IsRevoked;
  /** The same for accepted work. It reads the table, so that work does not depend on the state. */
  readonly isStored: IsRevoked;
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
  readonly readAt: number;
  readonly checkedAt: number;
}

/**
 * The state holds a version for each tenant, and the table the revocations. A writer changes the table first and the version
 * second; a reader reads the version first and the table second. So a reader never keeps old revocations under a new version. A
 * state that lost its data gets a version that no instance has had.
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
  const keyOf = (tenantId: string): string => `mreg:revocations:${tenantId}`;

  async function readVersion(tenantId: string): Promise<string | undefined> {
    const key = keyOf(tenantId);
    const found = await state.get(key);
    if (found !== undefined) return found;
    const begun = newId();
    const stored = await state.compareAndSet(key, undefined, begun, REVOCATIONS_VERSION_TTL_MS);
    return stored === 'stored' ? begun : state.get(key);
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
    const checkedAt = clock.now().getTime();
    const before = knownOf.get(tenantId);
    const version = await readVersion(tenantId);
    const isSame = before && version !== undefined && version === before.version;
    const known =
      isSame && isWithin(checkedAt, before.readAt, REVOCATIONS_MAX_AGE_MS)
        ? { ...before, checkedAt }
        : { subjects: await readSubjects(tenantId), version, readAt: checkedAt, checkedAt };
    knownOf.set(tenantId, known);
    return known;
  }

  /** Concurrent requests of a tenant share one reading. */
  function current(tenantId: string): Known | Promise<Known> {
    const known = knownOf.get(tenantId);
    if (known && isWithin(clock.now().getTime(), known.checkedAt, REVOCATIONS_FRESH_MS)) return known;
    let under = reading.get(tenantId);
    if (!under) {
      under = read(tenantId).finally(() => reading.delete(tenantId));
      reading.set(tenantId, under);
    }
    return under;
  }

  const announce = (tenantId: string): Promise<void> =>
    state.set(keyOf(tenantId), newId(), REVOCATIONS_VERSION_TTL_MS);

  return {
    find: (tenantId, id) => store.find(tenantId, id),
    list: (tenantId, limit, after) => store.list(tenantId, limit, after),

    async isRevoked(actor) {
      const { subjects } = await current(actor.tenantId);
      return subjects.size > 0 && subjectsOf(actor).some((subject) => subjects.has(textOf(subject)));
    },

    async isStored(actor) {
      const found = await Promise.all(
        subjectsOf(actor).map((subject) => store.find(actor.tenantId, revocationIdOf(subject))),
      );
      return found.some((revocation) => revocation !== undefined);
    },

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

/** Returns whether less than `ms` passed since a time of the same clock. A clock that was set back makes it older. */
const isWithin = (now: number, since: number, ms: number): boolean => now >= since && now - since < ms;

const textOf = (subject: RevokedSubject): string =>
  'user' in subject ? `user ${subject.user}` : `client ${subject.client}`;
