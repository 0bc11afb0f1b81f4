import { odata, TableClient } from '@azure/data-tables';
import { createCatalogue } from '../../shared/gateway/catalogue/catalogue.ts';
import { systemClock } from '../../shared/platform/base/clock.ts';
import { randomId } from '../../shared/platform/base/ids.ts';
import { openTables } from '../../shared/platform/tables/openTables.ts';
import { azureTableServerStore } from '../../shared/registry/records/azureTableServerStore.ts';
import { createVisibleServers } from '../../shared/registry/records/visibleServers.ts';
import { startAzurite } from '../support/azurite.ts';
import { discoveryOf } from '../support/handmadeUpstream.ts';
import { memoryState } from '../support/memoryState.ts';
import { serverRecord } from '../support/serverRecord.ts';
import { compare } from './compare.ts';

const TENANT = 'bench';
const SERVERS = 10_000;
const AT_ONCE = 16;
const slugOf = (number: number) => `server-${String(number).padStart(5, '0')}`;
const tools = Array.from({ length: 5 }, (_, index) => ({
  name: `tool_${index}`,
  description: 'What such a tool says of itself, in a sentence or two, so that a model can choose.',
  inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
}));

/** What registered servers cost beside the bare table reads, over 10,000 of them with five tools each on Azurite. */
export async function benchServers(): Promise<void> {
  const azurite = await startAzurite();
  try {
    const raw = TableClient.fromConnectionString(azurite.connectionString, 'servers', {
      allowInsecureConnection: true,
    });
    await raw.createTable();
    const servers = azureTableServerStore(openTables(azurite.connectionString));
    await fill((number) =>
      servers.add(
        serverRecord({ tenantId: TENANT, slug: slugOf(number), discovery: discoveryOf('modern', tools) }),
      ),
    );
    const inTenant = odata`PartitionKey eq ${TENANT}`;
    const pages = (rows: number) =>
      raw.listEntities({ queryOptions: { filter: inTenant } }).byPage({ maxPageSize: rows });
    const some = () => slugOf(Math.floor(Math.random() * SERVERS));

    console.log(`\nservers, ${SERVERS} of them`);
    await compare(
      'a page of 50',
      40,
      () => pages(50).next(),
      () => servers.list(TENANT, {}, 50),
    );
    await compare(
      'a search through all',
      3,
      () => Array.fromAsync(pages(200)),
      () => servers.list(TENANT, { search: 'nothing-like-it' }, 50),
    );
    await compare(
      'one by its slug',
      300,
      () => raw.getEntity(TENANT, some()),
      () => servers.find(TENANT, some()),
    );
    await countWarmReads(servers);
  } finally {
    await azurite.stop();
  }
}

async function fill(add: (number: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const work = async () => {
    for (let number = next++; number < SERVERS; number = next++) await add(number);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/** How often the gateway's path reads the table for a server that it has just found. */
async function countWarmReads(servers: ReturnType<typeof azureTableServerStore>): Promise<void> {
  let reads = 0;
  const counted = {
    ...servers,
    find: (tenantId: string, slug: string) => {
      reads += 1;
      return servers.find(tenantId, slug);
    },
  };
  const state = memoryState();
  const visibleServers = createVisibleServers({
    servers: counted,
    state,
    newId: randomId,
    operatorTenant: TENANT,
  });
  const noToolsets = { find: () => Promise.resolve(undefined) };
  const catalogue = createCatalogue({ visibleServers, toolsets: noToolsets, clock: systemClock });
  await catalogue.find(TENANT, slugOf(1));
  reads = 0;
  for (let count = 0; count < 1_000; count++) await catalogue.find(TENANT, slugOf(1));
  console.log(`  1,000 warm gets on the gateway's path   ${reads} reads of the table`);
}
