import { setImmediate as nextTurn } from 'node:timers/promises';
import { fail, invalid, type Result, succeed } from '../../platform/base/result.ts';
import { MAX_IMPORT_CANDIDATES } from '../limits.ts';
import { readUpstreamEntry } from '../officialApi/upstreamEntry.ts';
import { type Registration, registrationSchema } from '../records/server.ts';
import { isNewer } from '../versions/latest.ts';
import { checkImportUrl, readClientEntry } from './clientEntry.ts';
import { type Candidate, candidatesOf } from './documents.ts';
import { slugsFor } from './slugs.ts';

/** The servers of a document: those that can be registered, and those that cannot, with the reason. */
export interface Import {
  readonly registrations: readonly Registration[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * Reads the servers of a client's configuration (`documents.ts` lists the clients), of one `server.json` or a list of them, or
 * of the answer of a registry, of which it takes the latest version of each server. It skips what cannot be registered, with the
 * reason. Secrets are neither imported nor shown. It yields to the event loop after each server, because a document may be long.
 * Failures: `invalid` for any other document; `too_large` for more than 2,000 servers.
 */
export async function readImport(document: unknown): Promise<Result<Import>> {
  const candidates = candidatesOf(document);
  if (!candidates) {
    return invalid(
      'document',
      "must be a client's configuration such as an mcp.json, a server.json, a list of these or the answer of a registry",
    );
  }
  if (candidates.length > MAX_IMPORT_CANDIDATES)
    return fail({
      kind: 'too_large',
      message: `it holds ${candidates.length} servers, and at most ${MAX_IMPORT_CANDIDATES} are read`,
    });
  const slugs = slugsFor(candidates.map(({ name }) => name));
  const newest = newestOf(candidates);
  const registrations: Registration[] = [];
  const skipped: { name: string; reason: string }[] = [];
  for (const candidate of candidates) {
    const { name } = candidate;
    const slug = slugs.get(name) ?? '';
    const read =
      newest.get(name) === candidate
        ? registrationOf(candidate, slug)
        : { reason: candidate.kind === 'client' ? REPEATED : OTHER_VERSION };
    if ('reason' in read) skipped.push({ name: name.slice(0, 200), reason: read.reason });
    else registrations.push(read);
    await nextTurn();
  }
  return succeed({ registrations, skipped });
}

const REPEATED = 'is in the document twice: the first is imported';
const OTHER_VERSION = 'is in the document in another version, which is imported';

/** Returns the latest version of each name, by the rules of the registry. */
function newestOf(candidates: readonly Candidate[]): ReadonlyMap<string, Candidate> {
  const newest = new Map<string, Candidate>();
  for (const candidate of candidates) {
    const best = newest.get(candidate.name);
    if (!best || isBetter(candidate, best)) newest.set(candidate.name, candidate);
  }
  return newest;
}

function isBetter(one: Candidate, other: Candidate): boolean {
  if (one.kind === 'client' || other.kind === 'client') return false;
  if (one.isDeleted !== other.isDeleted) return other.isDeleted;
  return isNewer(one, other);
}

function registrationOf(candidate: Candidate, slug: string): Registration | { reason: string } {
  if (candidate.kind === 'client') {
    const judged = readClientEntry(candidate.entry);
    if ('reason' in judged) return judged;
    const title = candidate.name.trim().slice(0, 100).toWellFormed().trim();
    return parsed({ slug, ...judged, ...(title !== slug && title !== '' && { title }) });
  }
  const entry = readUpstreamEntry(candidate.entry);
  if (!entry.ok) {
    const [problem] = entry.error.errors ?? [];
    return { reason: problem ? `${problem.path} ${problem.message}`.trim() : entry.error.message };
  }
  if (entry.value.status === 'deleted') return { reason: 'is deleted in its registry' };
  const registration = parsed({ slug, server: entry.value.server });
  if ('reason' in registration) return registration;
  const judged = checkImportUrl(registration.url);
  return 'reason' in judged ? judged : registration;
}

/** Validates a registration as `POST /servers` does. */
function parsed(registration: object): Registration | { reason: string } {
  const read = registrationSchema.safeParse(registration);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  return { reason: `${issue?.path.join('.') ?? ''} ${issue?.message ?? 'is not valid'}`.trim() };
}
