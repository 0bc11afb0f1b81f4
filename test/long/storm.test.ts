import { afterAll, beforeAll, expect, test } from 'vitest';
import { inLanes, type PatientCaller, patientCaller, wreak } from '../support/storm.ts';
import { startTestTopology, type TestTopology } from '../support/topology.ts';

const DELEGATIONS = 500;
const REGISTRATIONS = 100;
/** Requests are spread over this time, so that each kill meets work of every kind. */
const ASKED_WITHIN_MS = 60_000;
const ENDED_WITHIN_MS = 300_000;
/** All but storage. Redis keeps nothing on disk, so it loses all that it had. */
const victims = ['redis', 'mcp', 'management', 'serviceBus', 'issuer'] as const;
const KILLS = 2 * victims.length;
const wreckage = { everyMs: 2_000, awayMs: 1_500, isOver: (kills: number) => kills >= KILLS };
const agents = ['fastmcp-specialist', 'mcp-debugger', 'mcp-security-auditor', 'mcp-orchestrator'] as const;

let topology: TestTopology;
let admin: PatientCaller;
beforeAll(async () => {
  topology = await startTestTopology({ demo: true });
  admin = patientCaller(topology.urls.management, await topology.mint({ role: 'Admin' }));
});
afterAll(() => topology.stop());

interface Delegation {
  readonly id: string;
  readonly task: string;
  readonly state: string;
  readonly attempts: number;
  readonly planId?: string;
  readonly error?: object;
}
interface Server {
  readonly slug: string;
  readonly status: string;
  readonly statusReason?: string;
}
interface Plan {
  readonly id: string;
  readonly state: string;
}

const delegate = (index: number) =>
  admin.accepted('/delegations', `storm-${index}`, {
    agent: agents[index % agents.length],
    task: 'probe',
    input: { waitMs: (index * 37) % 500 },
  });

const slugOf = (index: number) => `storm-${index}`;
const register = (index: number) =>
  admin.accepted('/servers', `register-${slugOf(index)}`, {
    slug: slugOf(index),
    url: index % 2 === 0 ? topology.urls.inventory : topology.urls.toolbox,
  });

async function look() {
  const [delegations, servers, plans] = await Promise.all([
    admin.all('/delegations') as Promise<readonly Delegation[]>,
    admin.all('/servers') as Promise<readonly Server[]>,
    admin.all('/plans?name=server_registration_with_auth') as Promise<readonly Plan[]>,
  ]);
  return {
    asked: delegations.filter(({ task }) => task === 'probe'),
    steps: delegations.filter(({ planId }) => plans.some(({ id }) => id === planId)),
    servers: servers.filter(({ slug }) => slug.startsWith('storm-')),
    plans,
  };
}

const goesOn = (state: string): boolean => ['queued', 'running', 'compensating', 'pending'].includes(state);

test(
  `${DELEGATIONS} delegations and ${REGISTRATIONS} registrations end well while every part but storage is killed`,
  { timeout: ASKED_WITHIN_MS + ENDED_WITHIN_MS + 30_000 },
  async () => {
    const startedAt = performance.now();
    const secondsSince = () => Math.round((performance.now() - startedAt) / 1_000);
    const [made, registered, killed] = await Promise.all([
      inLanes(DELEGATIONS, { lanes: 16, everyMs: ASKED_WITHIN_MS / DELEGATIONS }, delegate),
      inLanes(REGISTRATIONS, { lanes: 8, everyMs: ASKED_WITHIN_MS / REGISTRATIONS }, register),
      wreak(topology, (round) => victims[round % victims.length] ?? 'redis', wreckage),
    ]);
    const askedFor = secondsSince();

    let seen = await look();
    const open = () =>
      [...seen.asked, ...seen.plans].filter(({ state }) => goesOn(state)).length +
      seen.servers.filter(({ status }) => goesOn(status)).length;
    while (open() > 0 && secondsSince() * 1_000 < ASKED_WITHIN_MS + ENDED_WITHIN_MS) {
      await new Promise((done) => setTimeout(done, 1_000));
      seen = await look();
    }

    const { asked, steps, servers, plans } = seen;
    const report = {
      askedForInSeconds: askedFor,
      endedAfterSeconds: secondsSince(),
      killed: killed.join(' '),
      askedAgain: [...made, ...registered].filter(({ tries }) => tries > 1).length,
      delegationsBegunAgain: asked.filter(({ attempts }) => attempts > 1).length,
      stepsBegunAgain: steps.filter(({ attempts }) => attempts > 1).length,
    };
    console.log('Storm:', JSON.stringify(report, undefined, 2));

    expect(open()).toBe(0);
    expect(servers.filter(({ status }) => status !== 'active')).toEqual([]);
    expect(asked.filter(({ state }) => state !== 'succeeded')).toEqual([]);
    expect(plans.filter(({ state }) => state !== 'succeeded')).toEqual([]);
    expect(asked.map(({ id }) => id).sort()).toEqual(made.map(({ body }) => body['id']).sort());
    expect(servers.map(({ slug }) => slug).sort()).toEqual(
      Array.from({ length: REGISTRATIONS }, (_, index) => slugOf(index)).sort(),
    );
    // The storm was real: it met work.
    expect(report.askedAgain).toBeGreaterThan(0);
  },
);
