import { Pool } from 'undici';

export interface Target {
  readonly origin: string;
  readonly path: string;
  readonly method: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent one after the other, again and again. */
  readonly bodies?: readonly string[];
  /** The status of its answers; 200 when absent. */
  readonly expected?: number;
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

interface Caller {
  /** Makes one call. @throws on an answer of another status */
  once(): Promise<{ readonly durationMs: number; readonly bytes: number }>;
  readonly calls: number;
  close(): Promise<void>;
}

function openCaller(target: Target, connections: number): Caller {
  const pool = new Pool(target.origin, { connections });
  const { path, method, headers = {}, bodies = [], expected = 200 } = target;
  let calls = 0;
  return {
    async once() {
      const startedAt = performance.now();
      const body = bodies[calls % bodies.length];
      calls += 1;
      const response = await pool.request({ path, method, headers, ...(body !== undefined && { body }) });
      const text = await response.body.text();
      if (response.statusCode !== expected) {
        throw new Error(`${method} ${path} was answered ${response.statusCode}: ${text.slice(0, 200)}`);
      }
      return { durationMs: performance.now() - startedAt, bytes: text.length };
    },
    get calls() {
      return calls;
    },
    close: () => pool.close(),
  };
}

/** Keeps `connections` requests in flight for `seconds`, after a warm-up. @throws on any answer of another status. */
export async function load(target: Target, connections: number, seconds: number): Promise<Measured> {
  const caller = openCaller(target, connections);
  const durations: number[] = [];
  let bytes = 0;
  const during = async (ms: number, keep: boolean) => {
    const end = performance.now() + ms;
    await Promise.all(
      Array.from({ length: connections }, async () => {
        while (performance.now() < end) {
          const answered = await caller.once();
          bytes = answered.bytes;
          if (keep) durations.push(answered.durationMs);
        }
      }),
    );
  };
  await during(1_000, false);
  await during(seconds * 1_000, true);
  await caller.close();
  durations.sort((a, b) => a - b);
  const at = (share: number) => durations[Math.floor(durations.length * share)] ?? Number.NaN;
  return {
    perSecond: durations.length / seconds,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    calls: caller.calls,
    bytes,
  };
}

/** Makes so many calls, `connections` at a time. @throws on any answer of another status. */
export async function count(target: Target, connections: number, calls: number): Promise<void> {
  const caller = openCaller(target, connections);
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (caller.calls < calls) await caller.once();
    }),
  );
  await caller.close();
}
