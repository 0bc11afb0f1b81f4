import type { TableClient, TransactionAction } from '@azure/data-tables';
import { blockRowKey, partitionOf, segmentRowKey } from '../../shared/audit/journal/azureTableTrailRows.ts';
import { azureTableTrailStore } from '../../shared/audit/journal/azureTableTrailStore.ts';
import type { AuditRecord } from '../../shared/audit/model/record.ts';
import { segmentKey, type TrailRow, type TrailStore } from '../../shared/audit/model/trailStore.ts';
import { join, splitPacked } from '../../shared/platform/tables/tableDocument.ts';
import type { OpenTrail } from './memoryTrail.ts';

const textOf = (document: unknown): string => (document === undefined ? '{"cut' : JSON.stringify(document));
const isSegment = (key: string): boolean => key.startsWith('s');

/** The trail as the service keeps it, past everything of ours: records in blocks. */
export function azureTrail(connection: string, client: TableClient): OpenTrail {
  const store = azureTableTrailStore(connection);
  /** Changes the line of a record in its block. Without such a block, the line becomes a block of its own. */
  const putLine = async (tenantId: string, key: string, line: string | undefined) => {
    const filter = `PartitionKey ge '${tenantId}_' and PartitionKey lt '${tenantId}_~' and RowKey ge 'b' and RowKey lt 'c'`;
    for await (const row of client.listEntities({ queryOptions: { filter } })) {
      const { partitionKey = '', rowKey = '', oldest } = row;
      const lines = join(row).split('\n');
      const place = lines.findIndex((one) => one.startsWith(`${key} `));
      if (place === -1) continue;
      lines.splice(place, 1, ...(line === undefined ? [] : [line]));
      // The block has the key of its newest record, which is the last one.
      const [newest = ''] = lines.at(-1)?.split(' ', 1) ?? [];
      const renamed = line === undefined && newest !== '' ? blockRowKey(newest) : rowKey;
      if (renamed !== rowKey || lines.length === 0) await client.deleteEntity(partitionKey, rowKey);
      if (lines.length === 0) return;
      const changed = { partitionKey, rowKey: renamed, oldest, ...splitPacked(lines.join('\n')) };
      await client.upsertEntity(changed, 'Replace');
      return;
    }
    if (line === undefined) return;
    const partitionKey = partitionOf(tenantId, key);
    await client.createEntity({ partitionKey, rowKey: blockRowKey(key), oldest: key, ...splitPacked(line) });
  };
  return {
    store,
    read: (tenantId, key) => store.find(tenantId, key),
    write: async (tenantId, { key, document }) => {
      if (!isSegment(key)) return putLine(tenantId, key, `${key} ${textOf(document)}`);
      const partitionKey = partitionOf(tenantId, key);
      await client.upsertEntity(
        { partitionKey, rowKey: segmentRowKey(key), document: textOf(document) },
        'Replace',
      );
    },
    remove: async (tenantId, key) => {
      if (!isSegment(key)) return putLine(tenantId, key, undefined);
      await client.deleteEntity(partitionOf(tenantId, key), segmentRowKey(key));
    },
  };
}

/** The same with a row for each record, as earlier versions wrote it. */
export function earlierAzureTrail(connection: string, client: TableClient): OpenTrail {
  const store = azureTableTrailStore(connection);
  const entity = (tenantId: string, { key, document, labels }: TrailRow) => ({
    partitionKey: partitionOf(tenantId, key),
    rowKey: key,
    ...labels,
    document: textOf(document),
  });
  const commit: TrailStore['commit'] = async (records, segments) => {
    const tenantId = segments[0]?.tenantId ?? '';
    const rows = records.map(({ key, text }): TransactionAction => {
      const document = JSON.parse(text) as AuditRecord;
      const { actor, action, resource } = document;
      return ['create', entity(tenantId, { key, document, labels: { actor, action, resource } })];
    });
    const ends = segments.map((segment): TransactionAction => {
      return ['upsert', entity(tenantId, { key: segmentKey(segment), document: segment }), 'Replace'];
    });
    try {
      // A transaction takes 100 rows.
      if (rows.length > 98) await client.submitTransaction(rows.splice(0, 50));
      await client.submitTransaction([...rows, ...ends]);
    } catch (error) {
      if ((error as { code?: string }).code === 'EntityAlreadyExists') return 'exists';
      throw error;
    }
    return 'stored';
  };
  return {
    store: { ...store, commit },
    read: (tenantId, key) => store.find(tenantId, key),
    write: async (tenantId, row) => {
      await client.upsertEntity(entity(tenantId, row), 'Replace');
    },
    remove: async (tenantId, key) => {
      await client.deleteEntity(partitionOf(tenantId, key), key);
    },
  };
}
