import type { Publication, PublishedVersion } from '../../shared/registry/versions/publishedVersion.ts';
import { serverJson } from './serverJson.ts';

let publications = 0;

/** What a publisher hands in: `com.example/inventory` 1.0.0, or as a test wants it. */
export function publication(
  tenantId: string,
  { name = 'com.example/inventory', version = '1.0.0', ...more }: Readonly<Record<string, unknown>> = {},
  tags: readonly string[] = [],
): Publication {
  const server = serverJson({ name, version, ...more }) as PublishedVersion['server'];
  return { tenantId, server, tags: [...tags], publicationId: `p${++publications}` };
}
