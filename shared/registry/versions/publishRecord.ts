import { isIP } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import type { Clock } from '../../platform/base/clock.ts';
import { type Result, succeed } from '../../platform/base/result.ts';
import { MAX_DESCRIPTION_LENGTH } from '../limits.ts';
import type { ServerRecord } from '../records/server.ts';
import { type ServerJson, serverJsonSchema } from '../serverJson/serverJson.ts';
import { specificVersion } from '../serverJson/text.ts';
import { type Decision, edit, publish, setStatus } from './changes.ts';
import type { Publication, PublishedVersion, Versions } from './publishedVersion.ts';
import type { VersionStore } from './versionStore.ts';

export interface PublishingDeps {
  readonly versions: VersionStore;
  readonly clock: Clock;
  readonly publicOrigin: string;
  /** Every tenant of the gateway: each may read shared servers. */
  readonly tenants: ReadonlySet<string>;
}

/**
 * Publishes a registered server. Call it once the record is active; it is idempotent. A server that was withdrawn before is
 * published again. A shared server is published for every other tenant too, unless that tenant published the same name and version
 * itself; a server that is no longer shared is withdrawn there. Failures leave the tenant's registry unchanged: `already_exists` if
 * another server has the same name and version; `invalid` if the change would alter what clients run of a published version.
 */
export async function publishRecord(
  record: ServerRecord,
  deps: PublishingDeps,
): Promise<Result<PublishedVersion>> {
  const own = publicationOf(record, record.tenantId, deps);
  const { name, version } = own.server;
  const changed = await deps.versions.change(record.tenantId, name, publishOrUpdate(own, record, deps));
  if (!changed.ok) return changed;
  const published = changed.value.find(({ server }) => server.version === version);
  if (!published) throw new Error('a version that was just published is missing');
  for (const tenantId of othersThan(record, deps)) {
    // A failure here means that the tenant published the name itself: its version stays.
    if (record.visibility === 'shared')
      await deps.versions.change(
        tenantId,
        name,
        publishOrUpdate(publicationOf(record, tenantId, deps), record, deps),
      );
    else await withdrawFrom(tenantId, record, deps);
  }
  return succeed(published);
}

/** Returns the failure that `publishRecord` would have now. It changes nothing. */
export async function checkPublishable(record: ServerRecord, deps: PublishingDeps): Promise<Result<void>> {
  const publication = publicationOf(record, record.tenantId, deps);
  const versions = await deps.versions.versionsOf(record.tenantId, publication.server.name);
  const decided = publishOrUpdate(publication, record, deps)(versions);
  return decided.ok ? succeed(undefined) : decided;
}

/** Withdraws the published versions of a registered server for every tenant. It is idempotent. */
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
  return { tenantId, server, slug, ...shared, tags: record.tags, publicationId };
}

type Origin = Pick<Publication, 'slug' | 'sharedBy'>;
const isOf = (version: Origin, { slug, sharedBy }: Origin): boolean =>
  version.slug === slug && version.sharedBy === sharedBy;

/**
 * Publishes the version, or updates it if this server published it before. It takes over a version that was imported from another
 * registry, and the tenant's own server takes over a version that another tenant shares.
 */
function publishOrUpdate(
  publication: Publication,
  record: ServerRecord,
  { clock }: Pick<PublishingDeps, 'clock'>,
): Decision {
  const { server, slug, sharedBy, publicationId } = publication;
  const now = clock.now();
  /** The same server at the gateway and at its own remotes: to lead clients from one to the other changes nothing that they run. */
  const moved = (version: PublishedVersion): PublishedVersion =>
    version.server.version === server.version &&
    (isAtGateway(version.server['remotes'], record.slug) ||
      isDeepStrictEqual(version.server['remotes'], record.server?.['remotes']))
      ? { ...version, server: { ...version.server, remotes: server['remotes'] } }
      : version;
  return (versions) => {
    const existing = versions.find((version) => version.server.version === server.version);
    const isOurs =
      existing !== undefined &&
      (isOf(existing, publication) ||
        existing.upstream !== undefined ||
        (existing.sharedBy !== undefined && sharedBy === undefined));
    // A withdrawn entry comes back, also in a repetition: the record has been read just now, and says more than the entry.
    if (!isOurs || existing.status !== 'deleted') {
      const published = publish(publication, now)(versions);
      if (published.ok || !isOurs) return published;
    }
    const edited = edit(server.version, publication, now)(versions.map(moved));
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
 * Returns the `server.json` of a registered server: the one that it was registered with, or one made from its record. Both lead
 * clients to the gateway. Only with `advertise: 'direct'` the former keeps its own remotes.
 */
export function entryOf(record: ServerRecord, publicOrigin: string): ServerJson {
  const remotes = gatewayRemotes(record, publicOrigin);
  if (record.server) {
    const server = serverJsonSchema.parse(record.server);
    return record.advertise === 'direct' ? server : { ...server, remotes };
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

/** Whether remotes are those of a server at the gateway, whose origin may have changed since they were published. */
function isAtGateway(remotes: unknown, slug: string): boolean {
  const only = onlyRemoteSchema.safeParse(remotes);
  return only.success && new URL(only.data[0].url).pathname === `/servers/${slug}/mcp`;
}

const onlyRemoteSchema = z.tuple([z.object({ type: z.literal('streamable-http'), url: z.url() })]);

const gatewayRemotes = ({ slug }: ServerRecord, publicOrigin: string) => [
  { type: 'streamable-http' as const, url: `${publicOrigin}/servers/${slug}/mcp` },
];

function shortened(text: string): string {
  if (text.length <= MAX_DESCRIPTION_LENGTH) return text;
  // The cut must not leave half of a surrogate pair.
  return `${text.slice(0, MAX_DESCRIPTION_LENGTH - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/**
 * Returns the reversed host of the gateway, with which names of the registry begin; `local.gateway` for an address or a single
 * label.
 */
function namespaceOf(publicOrigin: string): string {
  const { hostname } = new URL(publicOrigin);
  const labels = hostname.split('.').filter((label) => label !== '');
  const isNamed = labels.length > 1 && isIP(hostname) === 0 && !hostname.startsWith('[');
  return isNamed ? labels.toReversed().join('.') : 'local.gateway';
}
