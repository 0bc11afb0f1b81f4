import type { Seal } from '../../platform/security/seal.ts';
import type { Stored } from '../../platform/tables/tables.ts';
import { withoutSecrets } from '../secrets/literalSecrets.ts';
import type { ServerRecord } from './server.ts';
import type { ServerStore } from './serverStore.ts';
import { openUrl, sealUrl } from './serverUrl.ts';

/**
 * Returns the store without secrets in plain text: each record that it reads has its secrets hidden and its URL sealed with the
 * newest key. This also covers rows that were written before secrets were sealed. The next change of a row stores it so.
 */
export function sealedServerStore(servers: ServerStore, seal: Seal): ServerStore {
  const sealed = (record: ServerRecord): ServerRecord => {
    const url = openUrl(record, record.tenantId, seal);
    return {
      ...record,
      ...(url !== undefined && sealUrl(url, record.tenantId, seal)),
      ...(record.server && { server: withoutSecrets(record.server) }),
    };
  };
  return {
    ...servers,
    async find(tenantId, slug) {
      const stored = await servers.find(tenantId, slug);
      return stored && ({ ...stored, value: sealed(stored.value) } satisfies Stored<ServerRecord>);
    },
    async list(tenantId, filter, limit, after) {
      const page = await servers.list(tenantId, filter, limit, after);
      return { ...page, items: page.items.map(sealed) };
    },
  };
}
