import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { type SharedTopology, useSharedTopology } from '../support/sharedTopology.ts';
import { realClients, type Seen, type Target } from './clients.ts';
import { registerServer } from './gateway.ts';
import { isOf, type Item, nameOf, ownNames, withoutPrefixes } from './names.ts';
import { everything, type RunningServer, sampleFolder, startServer } from './servers.ts';
import type { Door } from './session.ts';

let topology: SharedTopology;
let sample: Awaited<ReturnType<typeof sampleFolder>>;
let server: RunningServer;
let doors: readonly Door[];
beforeAll(async () => {
  topology = await useSharedTopology();
  sample = await sampleFolder();
  server = await startServer({ start: everything('streamableHttp') }, sample.folder);
  const { own, aggregate } = await registerServer(topology, 'everything', server.url);
  doors = [{ url: server.url }, own, aggregate];
});
afterAll(async () => {
  await server.stop();
  await topology.stop();
  await sample.remove();
});

const targetOf = ({ url, headers = {}, names }: Door): Target => ({
  url,
  headers,
  prefix: names?.tool ?? '',
});

/** The gateway leaves out tools that run as a task only (docs/mcp.md). */
const TASK_ONLY = 'simulate-research-query';

/** Returns what belongs to the server under test, with its own names, sorted. The aggregate endpoint has an order of its own. */
function ownPart(seen: Seen, { names = ownNames }: Door): unknown {
  const isOwn = (item: Item): boolean => isOf(item, names) && nameOf(item) !== names.tool + TASK_ONLY;
  const own = Object.entries(seen).map(([key, list]) => {
    const items = itemsSchema.safeParse(list);
    return [key, key === 'results' || !items.success ? list : items.data.filter(isOwn).toSorted(byName)];
  });
  return JSON.parse(withoutPrefixes(JSON.stringify(Object.fromEntries(own)), names), withoutRevision);
}

const itemsSchema = z.array(z.record(z.string(), z.unknown()));
const byName = (a: Item, b: Item): number => (nameOf(a) < nameOf(b) ? -1 : 1);

/**
 * Removes what differs between the revisions. These clients speak 2025-11-25 to the server and choose between both at the
 * gateway. 2026-07-28 has no `execution`, and each result says its type and the server that answers.
 */
function withoutRevision(key: string, value: unknown): unknown {
  if (key === 'execution' || key === 'resultType' || key === 'io.modelcontextprotocol/serverInfo')
    return undefined;
  const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  return key === '_meta' && isEmpty ? undefined : value;
}

test.each(realClients)('$name sees the same at the server and at the gateway', async (client) => {
  const seen = await client.visit(doors.map(targetOf), sample.folder);
  const [direct, own, aggregate] = seen.map((one, i) => ownPart(one, doors[i] ?? { url: '' }));
  expect(direct).not.toHaveProperty('error');
  expect(direct).toMatchObject({ results: expect.arrayContaining([expect.anything()]) as unknown });
  expect(own).toEqual(direct);
  expect(aggregate).toEqual(direct);
});
