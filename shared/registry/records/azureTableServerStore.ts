import { odata } from '../../platform/tables/odata.ts';
import type { OpenTable, TableCodec } from '../../platform/tables/tables.ts';
import { MAX_SERVER_SCANS, SERVER_SCAN_ROWS } from '../limits.ts';
import { type ServerRecord, serverRecordSchema } from './server.ts';
import type { ServerFilter, ServerStore } from './serverStore.ts';

const codec: TableCodec<ServerRecord> = {
  key: ({ tenantId, slug }) => ({ partition: tenantId, row: slug }),
  columns: ({ status, visibility = 'tenant' }) => ({ status, visibility }),
  parse: (document) => serverRecordSchema.parse(document),
};

/** Stores server records in Azure Tables: one partition per tenant, one row per slug. */
export function azureTableServerStore(open: OpenTable): ServerStore {
  const table = open('servers', codec);
  return {
    find: (tenantId, slug) => table.get({ partition: tenantId, row: slug }),
    async list(tenantId, filter, limit, after) {
      const { status, visibility, tag, search } = filter;
      const columns = [
        ...(status === undefined ? [] : [odata`status eq ${status}`]),
        ...(visibility === undefined ? [] : [odata`visibility eq ${visibility}`]),
      ].join(' and ');
      if (tag === undefined && search === undefined) return table.range(tenantId, '', columns, limit, after);
      const found: ServerRecord[] = [];
      let position = after;
      for (let scan = 0; scan < MAX_SERVER_SCANS; scan++) {
        const page = await table.range(tenantId, '', columns, SERVER_SCAN_ROWS, position);
        for (const record of page.items) {
          if (found.length === limit) return { items: found, ...lastOf(found) };
          if (matches(record, filter)) found.push(record);
        }
        if (page.after === undefined) return { items: found };
        position = page.after;
      }
      return { items: found, ...(position !== undefined && { after: position }) };
    },
    add: (record) => table.insert(record),
    replace: (record, etag) => table.replace(record, etag),
    remove: ({ tenantId, slug }, etag) => table.remove({ partition: tenantId, row: slug }, etag),
  };
}

const lastOf = (records: readonly ServerRecord[]): { after?: string } => {
  const last = records.at(-1);
  return last ? { after: last.slug } : {};
};

function matches({ slug, title, description, tags }: ServerRecord, { tag, search }: ServerFilter): boolean {
  if (tag !== undefined && !tags.includes(tag)) return false;
  if (search === undefined) return true;
  const wanted = search.toLowerCase();
  return [slug, title, description].some((text) => text.toLowerCase().includes(wanted));
}
