import { isIP } from 'node:net';
import type { Clock } from '../platform/clock.ts';
import { type Result, succeed } from '../platform/result.ts';
import { tagsOf } from './gatewayMeta.ts';
import type { ServerRecord } from './server.ts';
import { specificVersion } from './serverJson/specificVersion.ts';
import { type ServerJson, serverJsonSchema } from './serverJson/serverJson.ts';
import { type Decision, edit, publish, setStatus } from './versions/changes.ts';
import type { Publication, PublishedVersion, Versions } from './versions/publishedVersion.ts';
import type { VersionStore } from './versions/versionStore.ts';

export interface PublishingDeps {
  readonly versions: VersionStore;
  readonly clock: Clock;
  readonly publicOrigin: string;
}

/**
 * Enters a registered server into what the registry publishes: to be called once the record is active, and safe to repeat.
 * A server that was registered before, and withdrawn, comes back. Failure: `already_exists`, where another server has the
 * same name and version.
 */
export async function publishRecord(
  record: ServerRecord,
  deps: PublishingDeps,
): Promise<Result<PublishedVersion>> {
  const server = entryOf(record, deps.publicOrigin);
  const { tenantId, slug, planId } = record;
  const publication = { tenantId, server, slug, tags: tagsOf(server), publicationId: planId };
  const changed = await deps.versions.change(tenantId, server.name, enter(publication, deps.clock.now()));
  if (!changed.ok) return changed;
  const published = changed.value.find((version) => version.server.version === server.version);
  if (!published) throw new Error('a version that was just published is missing');
  return succeed(published);
}

/** Takes what was published of a registered server out of every list; safe to repeat. */
export async function withdrawRecord(record: ServerRecord, deps: PublishingDeps): Promise<void> {
  const { name } = entryOf(record, deps.publicOrigin);
  const now = deps.clock.now();
  await deps.versions.change(record.tenantId, name, (versions) =>
    versions
      .filter(({ slug, status }) => slug === record.slug && status !== 'deleted')
      .reduce<Result<Versions>>(
        (result, { server }) =>
          result.ok ? setStatus(server.version, { status: 'deleted' }, now)(result.value) : result,
        succeed(versions),
      ),
  );
}

/**
 * Publishes the version or, where this server has published it before, brings it up to date. A version that was taken over
 * from another registry becomes this server's.
 */
function enter(publication: Publication, now: Date): Decision {
  const { server, slug, publicationId } = publication;
  return (versions) => {
    const published = publish(publication, now)(versions);
    const existing = versions.find((version) => version.server.version === server.version);
    if (published.ok || (existing?.slug !== slug && !existing?.upstream)) return published;
    const edited = edit(server.version, publication, now)(versions);
    if (!edited.ok) return published;
    const revived =
      existing?.status === 'deleted'
        ? setStatus(server.version, { status: 'active' }, now)(edited.value)
        : edited;
    if (!revived.ok) return revived;
    return succeed(
      revived.value.map((version) => {
        if (version.server.version !== server.version) return version;
        const { upstream: _, ...own } = version;
        return { ...own, publicationId, ...(slug !== undefined && { slug }) };
      }),
    );
  };
}

/**
 * The `server.json` of a registered server: the one that it was registered with, else one made of its record, which sends
 * clients to the gateway.
 */
export function entryOf(record: ServerRecord, publicOrigin: string): ServerJson {
  if (record.server) return serverJsonSchema.parse(record.server);
  const version = specificVersion.safeParse(record.discovery?.serverInfo.version);
  return {
    $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
    name: `${namespaceOf(publicOrigin)}/${record.slug}`,
    title: record.title,
    description: shortened(record.description.trim() || record.title),
    version: version.success ? version.data : '1.0.0',
    remotes: [{ type: 'streamable-http', url: `${publicOrigin}/servers/${record.slug}/mcp` }],
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
