import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { defaultTenant } from '../../infra/local/defaults.ts';
import { redisUrl } from '../../infra/local/redis.ts';
import { storageConnection } from '../../infra/local/settings.ts';
import { systemClock } from '../../shared/platform/clock.ts';
import { type OpenedStateStore, openStateStore } from '../../shared/platform/openStateStore.ts';
import { openTables } from '../../shared/platform/openTables.ts';
import { type TestTopology, startTestTopology } from '../support/topology.ts';

const COUNT = 2_000;
const LANES = 16;
const KILL_EVERY_MS = 4_000;
/** Also where all has been asked for before: then there is still work to interrupt. */
const LEAST_KILLS = 6;
const agents = ['fastmcp-specialist', 'mcp-debugger'] as const;

let topology: TestTopology;
let state: OpenedStateStore;
let token: string;
beforeAll(async () => {
  topology = await startTestTopology();
  token = await topology.mint({ role: 'Operator' });
  state = openStateStore({
    redisUrl: topology.state.kind === 'redis' ? redisUrl(topology.ports) : undefined,
    open: openTables(storageConnection(topology.ports)),
    clock: systemClock,
  });
});
afterAll(async () => {
  state.close();
  await topology.stop();
});

interface Seen {
  readonly id: string;
  readonly task: string;
  readonly state: string;
  readonly attempts: number;
  readonly result?: { readonly marked?: string };
}

interface Request {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What the management app answers, or undefined while it is away. */
async function ask(path: string, init: Request = {}): Promise<Response | undefined> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...init.headers };
  const response = await fetch(topology.urls.management + path, { ...init, headers }).catch(() => undefined);
  return response && response.status < 500 ? response : undefined;
}

/** Asks under a key of its own until there is an answer, so that what was asked twice is done once. */
async function delegate(index: number): Promise<{ readonly id: string; readonly tries: number }> {
  const agent = agents[index % agents.length];
  const input = { waitMs: (index * 7) % 40, mark: `chaos-${index}` };
  const init = {
    method: 'POST',
    headers: { 'idempotency-key': `chaos-${index}` },
    body: JSON.stringify({ agent, task: 'probe', input }),
  };
  for (let tries = 1; ; tries++) {
    const response = await ask('/delegations', init);
    const body = (await response?.json().catch(() => undefined)) as { id: string } | undefined;
    if (response?.status === 202 && body) return { id: body.id, tries };
    if (response && response.status !== 202) throw new Error(`refused with ${response.status}`);
    await delay(50);
  }
}

/** Kills an app every few seconds, one and the other in turn, and the broker once, until it is over and there was enough of it. */
async function wreak(isOver: () => boolean): Promise<readonly string[]> {
  const killed: string[] = [];
  for (let round = 0; !isOver() || round < LEAST_KILLS; round++) {
    await delay(KILL_EVERY_MS);
    const victim = round === 2 ? 'serviceBus' : round % 2 === 0 ? 'mcp' : 'management';
    await topology.kill(victim);
    killed.push(victim);
    await topology.restart(victim);
  }
  return killed;
}

async function everyDelegation(): Promise<readonly Seen[]> {
  const all: Seen[] = [];
  let cursor: string | undefined;
  do {
    const page = await ask(`/delegations?limit=100${cursor === undefined ? '' : `&cursor=${cursor}`}`);
    const body = (await page?.json()) as { items: Seen[]; nextCursor?: string };
    // The system has work of its own meanwhile.
    all.push(...body.items.filter(({ task }) => task === 'probe'));
    cursor = body.nextCursor;
  } while (cursor !== undefined);
  return all;
}

test(
  `${COUNT} delegations end, each with its effect once and none lost, while apps and broker are killed again and again`,
  { timeout: 600_000 },
  async () => {
    const startedAt = performance.now();
    const secondsSince = () => Math.round((performance.now() - startedAt) / 1_000);
    let next = 0;
    const made: { id: string; tries: number }[] = [];
    const lane = async () => {
      for (let index = next++; index < COUNT; index = next++) made.push(await delegate(index));
    };
    let isOver = false;
    const wreckage = wreak(() => isOver);
    await Promise.all(Array.from({ length: LANES }, lane));
    const askedFor = secondsSince();
    isOver = true;
    const killed = await wreckage;

    let all: readonly Seen[] = [];
    await expect
      .poll(
        async () => {
          all = await everyDelegation();
          return all.filter(({ state: reached }) => reached === 'queued' || reached === 'running').length;
        },
        { timeout: 480_000, interval: 2_000 },
      )
      .toBe(0);

    expect(new Set(all.map(({ id }) => id))).toEqual(new Set(made.map(({ id }) => id)));
    expect(all).toHaveLength(COUNT);
    expect(all.filter(({ state: reached }) => reached !== 'succeeded')).toEqual([]);
    const marks = await Promise.all(
      Array.from({ length: COUNT }, (_, index) =>
        state.state.get(`mreg:probe:${defaultTenant}:chaos-${index}`),
      ),
    );
    expect(new Set(marks)).toEqual(new Set(all.map(({ id }) => id)));

    const report = {
      delegations: all.length,
      askedForInSeconds: askedFor,
      endedAfterSeconds: secondsSince(),
      killed: killed.join(' '),
      askedAgain: made.filter(({ tries }) => tries > 1).length,
      begunAgain: all.filter(({ attempts }) => attempts > 1).length,
      repeatedAfterTheirEffect: all.filter(({ result }) => result?.marked === 'before').length,
    };
    console.log('Chaos:', JSON.stringify(report, undefined, 2));
    // The chaos was real: work was interrupted.
    expect(report.askedAgain).toBeGreaterThan(0);
  },
);
