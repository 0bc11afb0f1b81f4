import { Pool } from 'undici';
import { quantile } from './quantile.ts';

export interface Target {
  readonly origin: string;
  readonly path: string;
  readonly method: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent one after the other, again and again. */
  readonly bodies?: readonly string[];
  /** The status of its answers; 200 when absent. */
  readonly expected?: number;
  /** A text that each answer holds. An MCP error has the status 200 too. */
  readonly holds?: string;
}

export interface Measured {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** All calls that were made, those of the warm-up too. */
  readonly calls: number;
  /** Of one answer. */
  readonly bytes: number;
}

/** A peer that loses a call ends the run. */
const ANSWER_MS = 10_000;
/** Calls of one session have ids of their own: a peer could not tell their answers apart. */
const FIRST_ID = '"id":1,';

/** Connections to one origin. */
export interface Caller {
  /** Makes one call of the target that belongs to this lane. Returns the bytes of its answer. @throws on another answer */
  call(lane: number): Promise<number>;
  readonly calls: number;
  close(): Promise<void>;
}

/** `target`: one, or one for each session, which the lanes take in turns. They have one origin. */
export function openCaller(target: Target | readonly Target[], connections: number): Caller {
  const targets = [target].flat();
  const timeouts = { headersTimeout: ANSWER_MS, bodyTimeout: ANSWER_MS };
  const pool = new Pool(targets[0]?.origin ?? '', { connections, ...timeouts });
  let calls = 0;
  return {
    async call(lane) {
      const chosen = targets[lane % targets.length];
      if (!chosen) throw new Error('there is no target');
      const { path, method, headers = {}, bodies = [], expected = 200, holds = '' } = chosen;
      const body = bodies[calls % bodies.length]?.replace(FIRST_ID, `"id":${calls + 1},`);
      calls += 1;
      const response = await pool.request({ path, method, headers, ...(body !== undefined && { body }) });
      const text = await response.body.text();
      if (response.statusCode !== expected || !text.includes(holds)) {
        throw new Error(
          `${method} ${path} of ${chosen.origin} was answered ${response.statusCode}: ${text.slice(0, 200)}`,
        );
      }
      return text.length;
    },
    get calls() {
      return calls;
    },
    close: () => pool.close(),
  };
}

/**
 * Keeps `connections` requests in flight for `seconds`, after a warm-up on the same connections. Without a warm-up all
 * connections are opened at once, and the first calls count.
 * @throws on any answer that is not the expected one
 */
export async function load(
  target: Target | readonly Target[],
  connections: number,
  seconds: number,
  warmUpSeconds = 1,
): Promise<Measured> {
  const caller = openCaller(target, connections);
  let durations: number[] = [];
  let bytes = 0;
  const during = async (forSeconds: number) => {
    durations = [];
    const end = performance.now() + forSeconds * 1_000;
    await lanes(connections, async (lane) => {
      for (let begun = performance.now(); begun < end; begun = performance.now()) {
        bytes = await caller.call(lane);
        durations.push(performance.now() - begun);
      }
    });
  };
  await during(warmUpSeconds);
  await during(seconds);
  await caller.close();
  return {
    perSecond: durations.length / seconds,
    p50Ms: quantile(durations, 0.5),
    p99Ms: quantile(durations, 0.99),
    calls: caller.calls,
    bytes,
  };
}

/** Makes so many calls, `connections` at a time. @throws on any answer that is not the expected one */
export async function count(
  target: Target | readonly Target[],
  connections: number,
  calls: number,
): Promise<void> {
  const caller = openCaller(target, connections);
  await lanes(connections, async (lane) => {
    while (caller.calls < calls) await caller.call(lane);
  });
  await caller.close();
}

const lanes = (number: number, lane: (index: number) => Promise<void>) =>
  Promise.all(Array.from({ length: number }, (_, index) => lane(index)));
