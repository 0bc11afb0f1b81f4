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
}

/** Keeps `connections` requests in flight for `seconds`, after a warm-up. @throws on any answer of another status. */
export async function load(target: Target, connections: number, seconds: number): Promise<Measured> {
  const pool = new Pool(target.origin, { connections });
  const durations: number[] = [];
  const { path, method, headers = {}, bodies = [], expected = 200 } = target;
  let calls = 0;
  const once = async () => {
    const startedAt = performance.now();
    const body = bodies[calls % bodies.length];
    calls += 1;
    const response = await pool.request({ path, method, headers, ...(body !== undefined && { body }) });
    const text = await response.body.text();
    if (response.statusCode !== expected) {
      throw new Error(`${method} ${path} was answered ${response.statusCode}: ${text.slice(0, 200)}`);
    }
    return performance.now() - startedAt;
  };
  const during = async (ms: number, keep: boolean) => {
    const end = performance.now() + ms;
    await Promise.all(
      Array.from({ length: connections }, async () => {
        while (performance.now() < end) {
          const duration = await once();
          if (keep) durations.push(duration);
        }
      }),
    );
  };
  await during(1_000, false);
  await during(seconds * 1_000, true);
  await pool.close();
  durations.sort((a, b) => a - b);
  const at = (share: number) => durations[Math.floor(durations.length * share)] ?? Number.NaN;
  return { perSecond: durations.length / seconds, p50Ms: at(0.5), p99Ms: at(0.99), calls };
}
