import { Pool } from 'undici';

export interface Target {
  readonly origin: string;
  readonly path: string;
  readonly method: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Measured {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Keeps `connections` requests in flight for `seconds`, after a warm-up. @throws on any answer that is not a 200. */
export async function load(target: Target, connections: number, seconds: number): Promise<Measured> {
  const pool = new Pool(target.origin, { connections });
  const durations: number[] = [];
  const { path, method, headers = {}, body } = target;
  const once = async () => {
    const startedAt = performance.now();
    const response = await pool.request({ path, method, headers, ...(body !== undefined && { body }) });
    await response.body.text();
    if (response.statusCode !== 200) throw new Error(`${method} ${path} was answered ${response.statusCode}`);
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
  return { perSecond: durations.length / seconds, p50Ms: at(0.5), p99Ms: at(0.99) };
}
