import { odata, TableClient } from '@azure/data-tables';
import { createReader } from '../../functions/management/officialRegistry/reads.ts';
import { openTables } from '../../shared/platform/tables/openTables.ts';
import { azureTableVersionStore } from '../../shared/registry/versions/azureTableVersionStore.ts';
import { publish } from '../../shared/registry/versions/changes.ts';
import type { VersionStore } from '../../shared/registry/versions/versionStore.ts';
import { startAzurite } from '../support/azurite.ts';
import { publication } from '../support/publications.ts';
import { compare } from './compare.ts';

const TENANT = 'bench';
const SERVERS = 10_000;
/** A tenth of the servers has this many versions. */
const VERSIONS = 5;
const AT_ONCE = 16;

const nameOf = (number: number) => `com.example/server-${String(number).padStart(5, '0')}`;

/**
 * What the registry API costs beside the bare table reads that it stands on, over 10,000 servers on Azurite: in one run
 * and in turns, so that the ratios hold where the figures do not.
 */
export async function benchRegistry(): Promise<void> {
  const azurite = await startAzurite();
  try {
    const raw = TableClient.fromConnectionString(azurite.connectionString, 'serverVersions', {
      allowInsecureConnection: true,
    });
    await raw.createTable();
    const versions = azureTableVersionStore(openTables(azurite.connectionString));
    await fill(versions);
    const read = createReader({ versions, publicOrigin: 'https://mcp.contoso.com' });
    const api = async (rest: string, query = '') => {
      const answer = await read({ tenantId: TENANT }, rest, new URLSearchParams(query));
      if (!answer.ok) throw new Error(answer.error.message);
      return JSON.stringify(answer.value.body);
    };

    const keysFrom = (prefix: string) =>
      odata`PartitionKey eq ${TENANT} and RowKey ge ${prefix} and RowKey lt ${prefix + '\uffff'}`;
    const rawPage = async (prefix: string, rows: number) => {
      const pages = raw.listEntities({ queryOptions: { filter: keysFrom(prefix) } });
      await pages.byPage({ maxPageSize: rows }).next();
    };
    const rawScan = () => {
      const rows = raw.listEntities({ queryOptions: { filter: keysFrom('v:') } });
      return Array.fromAsync(rows.byPage({ maxPageSize: 1_000 }));
    };
    const some = () => nameOf(Math.floor(Math.random() * SERVERS));
    const rawGet = () => raw.getEntity(TENANT, `v:${some().replace('/', ':')}:1.0.0`);

    console.log(`\nregistry, ${SERVERS} servers`);
    await compare(
      'a page of 30',
      60,
      () => rawPage('v:', 30),
      () => api('', 'limit=30'),
    );
    await compare(
      'a page of 100, latest',
      30,
      () => rawPage('l:', 100),
      () => api('', 'limit=100&version=latest'),
    );
    await compare('a search through all', 3, rawScan, () => api('', 'search=nothing-like-it'));
    await compare('a version', 300, rawGet, () => api(`${encodeURIComponent(some())}/versions/1.0.0`));
    await compare('the latest', 300, rawGet, () => api(`${encodeURIComponent(some())}/versions/latest`));
    await printMemory(() => api(`${encodeURIComponent(some())}/versions/latest`));
  } finally {
    await azurite.stop();
  }
}

async function fill(store: VersionStore): Promise<void> {
  let next = 0;
  const work = async () => {
    for (let number = next++; number < SERVERS; number = next++) {
      for (let version = 0; version < (number % 10 === 0 ? VERSIONS : 1); version++) {
        const made = publication(TENANT, { name: nameOf(number), version: `1.${version}.0` });
        await store.change(TENANT, made.server.name, publish(made, new Date()));
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

async function printMemory(act: () => Promise<unknown>): Promise<void> {
  const heapMb = () => {
    globalThis.gc?.();
    return process.memoryUsage().heapUsed / 1024 / 1024;
  };
  for (let count = 0; count < 1_000; count++) await act();
  const before = heapMb();
  for (let count = 0; count < 10_000; count++) await act();
  const after = heapMb();
  const how = globalThis.gc ? '' : ' (not collected: run node with --expose-gc)';
  console.log(
    `  10,000 requests        heap ${before.toFixed(1)} MB before, ${after.toFixed(1)} MB after${how}`,
  );
}
