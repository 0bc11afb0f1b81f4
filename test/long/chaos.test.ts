import { afterAll, beforeAll, expect, test } from 'vitest';
import { defaultTenant } from '../../infra/local/defaults.ts';
import { redisUrl } from '../../infra/local/redis.ts';
import { storageConnection } from '../../infra/local/settings.ts';
import { systemClock } from '../../shared/platform/base/clock.ts';
import { type OpenedStateStore, openStateStore } from '../../shared/platform/state/openStateStore.ts';
import { openTables } from '../../shared/platform/tables/openTables.ts';
import { inLanes, type PatientCaller, patientCaller, wreak } from '../support/storm.ts';
import { startTestTopology, type TestTopology } from '../support/topology.ts';

const COUNT = 2_000;
const LANES = 16;
const KILL_EVERY_MS = 4_000;
/** Also where all has been asked for before: then there is still work to interrupt. */
const LEAST_KILLS = 6;
const agents = ['fastmcp-specialist', 'mcp-debugger'] as const;

let topology: TestTopology;
let state: OpenedStateStore;
let operator: PatientCaller;
beforeAll(async () => {
  topology = await startTestTopology();
  operator = patientCaller(topology.urls.management, await topology.mint({ role: 'Operator' }));
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

/** Asks under a key of its own until there is an answer, so that what was asked twice is done once. */
async function delegate(index: number): Promise<{ readonly id: string; readonly tries: number }> {
  const agent = agents[index % agents.length];
  const input = { waitMs: (index * 7) % 40, mark: `chaos-${index}` };
  const { body, tries } = await operator.accepted('/delegations', `chaos-${index}`, {
    agent,
    task: 'probe',
    input,
  });
  return { id: String(body['id']), tries };
}

/** One app and the other in turn, and the broker once. */
const victimOf = (round: number) =>
  round === 2 ? 'serviceBus' : round % 2 === 0 ? ('mcp' as const) : ('management' as const);

async function everyDelegation(): Promise<readonly Seen[]> {
  // The system has work of its own meanwhile.
  const all = (await operator.all('/delegations')) as readonly Seen[];
  return all.filter(({ task }) => task === 'probe');
}

test(
  `${COUNT} delegations end, each with its effect once and none lost, while apps and broker are killed again and again`,
  { timeout: 600_000 },
  async () => {
    const startedAt = performance.now();
    const secondsSince = () => Math.round((performance.now() - startedAt) / 1_000);
    let isAsked = false;
    const wreckage = wreak(topology, victimOf, {
      everyMs: KILL_EVERY_MS,
      isOver: (kills) => isAsked && kills >= LEAST_KILLS,
    });
    const made = await inLanes(COUNT, { lanes: LANES }, delegate);
    const askedFor = secondsSince();
    isAsked = true;
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
