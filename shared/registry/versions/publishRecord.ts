import { isIP } from 'node:net';
import type { Clock } from '../../platform/base/clock.ts';
import { type Result, succeed } from '../../platform/base/result.ts';
import { tagsOf } from '../serverJson/gatewayMeta.ts';
import type { ServerRecord } from '../records/server.ts';
import { specificVersion } from '../serverJson/specificVersion.ts';
import { type ServerJson, serverJsonSchema } from '../serverJson/serverJson.ts';
import { type Decision, edit, publish, setStatus } from './changes.ts';
import type { Publication, PublishedVersion, Versions } from './publishedVersion.ts';
import type { VersionStore } from './versionStore.ts';

export interface PublishingDeps {
  readonly versions: VersionStore;
  readonly clock: Clock;
  readonly publicOrigin: string;
  /** All who may read what is shared. */
  readonly tenants: ReadonlySet<string>;
}

/**
 * Enters a registered server into what the registry publishes: to be called once the record is active, and safe to repeat.
 * A server that was registered before, and withdrawn, comes back. A shared one is entered for every other tenant too, save
 * where that tenant has published the same itself; one that is shared no more is withdrawn there. Failures, which leave the
 * tenant's own registry as it was: `already_exists`, where another server has the same name and version; `invalid` where
 * clients would run something else of a version that is published already.
 */
export async function publishRecord(
  record: ServerRecord,
  deps: PublishingDeps,
): Promise<Result<PublishedVersion>> {
  const own = publicationOf(record, record.tenantId, deps);
  const { name, version } = own.server;
  const changed = await deps.versions.change(record.tenantId, name, enter(own, deps.clock.now()));
  if (!changed.ok) return changed;
  const published = changed.value.find(({ server }) => server.version === version);
  if (!published) throw new Error('a version that was just published is missing');
  for (const tenantId of othersThan(record, deps)) {
    // What it has published itself stays: that is no failure of this server.
    if (record.visibility === 'shared')
      await deps.versions.change(
        tenantId,
        name,
        enter(publicationOf(record, tenantId, deps), deps.clock.now()),
      );
    else await withdrawFrom(tenantId, record, deps);
  }
  return succeed(published);
}

/** Whether `publishRecord` would succeed, as far as can be told now. Nothing is changed. */
export async function checkPublishable(record: ServerRecord, deps: PublishingDeps): Promise<Result<void>> {
  const publication = publicationOf(record, record.tenantId, deps);
  const versions = await deps.versions.versionsOf(record.tenantId, publication.server.name);
  const decided = enter(publication, deps.clock.now())(versions);
  return decided.ok ? succeed(undefined) : decided;
}

/** Takes what was published of a registered server out of every list; safe to repeat. */
export async function withdrawRecord(record: ServerRecord, deps: PublishingDeps): Promise<void> {
  for (const tenantId of [record.tenantId, ...othersThan(record, deps)])
    await withdrawFrom(tenantId, record, deps);
}

async function withdrawFrom(tenantId: string, record: ServerRecord, deps: PublishingDeps): Promise<void> {
  const { server, slug, sharedBy } = publicationOf(record, tenantId, deps);
  const now = deps.clock.now();
  await deps.versions.change(tenantId, server.name, (versions) =>
    versions
      .filter((version) => isOf(version, { slug, sharedBy }) && version.status !== 'deleted')
      .reduce<Result<Versions>>(
        (result, { server: { version } }) =>
          result.ok ? setStatus(version, { status: 'deleted' }, now)(result.value) : result,
        succeed(versions),
      ),
  );
}

const othersThan = ({ tenantId }: ServerRecord, { tenants }: PublishingDeps): readonly string[] =>
  [...tenants].filter((tenant) => tenant !== tenantId);

function publicationOf(record: ServerRecord, tenantId: string, deps: PublishingDeps): Publication {
  const server = entryOf(record, deps.publicOrigin);
  const { slug, planId: publicationId } = record;
  const shared = tenantId !== record.tenantId && { sharedBy: record.tenantId };
  return { tenantId, server, slug, ...shared, tags: tagsOf(server), publicationId };
}

type Origin = Pick<Publication, 'slug' | 'sharedBy'>;
const isOf = (version: Origin, { slug, sharedBy }: Origin): boolean =>
  version.slug === slug && version.sharedBy === sharedBy;

/**
 * Publishes the version or, where this server has published it before, brings it up to date. A version that was taken over
 * from another registry becomes this server's, and one that another tenant shares the tenant's own.
 */
function enter(publication: Publication, now: Date): Decision {
  const { server, slug, sharedBy, publicationId } = publication;
  return (versions) => {
    const existing = versions.find((version) => version.server.version === server.version);
    const isOurs =
      existing !== undefined &&
      (isOf(existing, publication) ||
        existing.upstream !== undefined ||
        (existing.sharedBy !== undefined && sharedBy === undefined));
    const published = publish(publication, now)(versions);
    if (published.ok || !isOurs) return published;
    const edited = edit(server.version, publication, now)(versions);
    if (!edited.ok) return edited;
    const revived =
      existing.status === 'deleted'
        ? setStatus(server.version, { status: 'active' }, now)(edited.value)
        : edited;
    if (!revived.ok) return revived;
    return succeed(
      revived.value.map((version) => {
        if (version.server.version !== server.version) return version;
        const { upstream: _, sharedBy: _sharedBy, ...own } = version;
        return {
          ...own,
          publicationId,
          ...(slug !== undefined && { slug }),
          ...(sharedBy !== undefined && { sharedBy }),
        };
      }),
    );
  };
}

/**
 * The `server.json` of a registered server: the one that it was registered with, else one made of its record, which sends
 * clients to the gateway. So does the other where the record says so.
 */
export function entryOf(record: ServerRecord, publicOrigin: string): ServerJson {
  const remotes = [{ type: 'streamable-http' as const, url: `${publicOrigin}/servers/${record.slug}/mcp` }];
  if (record.server) {
    const server = serverJsonSchema.parse(record.server);
    return record.advertise === 'gateway' ? { ...server, remotes } : server;
  }
  const version = specificVersion.safeParse(record.discovery?.serverInfo.version);
  return {
    $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
    name: `${namespaceOf(publicOrigin)}/${record.slug}`,
    title: record.title,
    description: shortened(record.description.trim() || record.title),
    version: version.success ? version.data : '1.0.0',
    remotes,
  };
}

const MAX_DESCRIPTION_LENGTH = 100;

function shortened(text: string): string {
  if (text.length <= MAX_DESCRIPTION_LENGTH) return text;
  // Half a character at the cut would be no text any more.
  return `${text.slice(0, MAX_DESCRIPTION_LENGTH - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** The host of the gateway in reverse, as names of the registry begin; a host without a name of its own has a common one. */
function namespaceOf(publicOrigin: string): string {
  const { hostname } = new URL(publicOrigin);
  const labels = hostname.split('.').filter((label) => label !== '');
  const isNamed = labels.length > 1 && isIP(hostname) === 0 && !hostname.startsWith('[');
  return isNamed ? labels.toReversed().join('.') : 'local.gateway';
}
