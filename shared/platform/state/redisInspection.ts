import type { Redis } from 'ioredis';

/** Reads the figures of Redis, and the names and TTLs of its keys. It reads no value and changes nothing. */
export interface RedisInspection {
  /** Returns the figures of all sections of `INFO` by their names. */
  info(): Promise<ReadonlyMap<string, string>>;
  /**
   * Returns some keys and the next cursor. `'0'` is the first cursor, and as `next` the end. Keys that change meanwhile may come
   * twice or never.
   */
  scan(cursor: string): Promise<{ readonly next: string; readonly keys: readonly RedisKey[] }>;
}

export interface RedisKey {
  readonly key: string;
  /** Milliseconds until the key expires; -1 for a key that does not expire. */
  readonly ttlMs: number;
}

/** Keys that Redis scans for one answer, which takes it a millisecond. */
const KEYS_AT_ONCE = 200;

/** `PTTL` of a key that no longer exists. */
const GONE = -2;

export function redisInspection(
  run: <A>(operation: string, act: (redis: Redis) => Promise<A>) => Promise<A>,
): RedisInspection {
  return {
    info: () => run('info', async (redis) => figuresOf(await redis.info())),
    scan: (cursor) =>
      run('scan', async (redis) => {
        const [next, names] = await redis.scan(cursor, 'COUNT', KEYS_AT_ONCE);
        const pipeline = redis.pipeline();
        for (const name of names) pipeline.pttl(name);
        const answers = (await pipeline.exec()) ?? [];
        const keys = names.map((key, index): RedisKey => {
          const [fault, ttlMs] = answers[index] ?? [];
          if (fault) throw fault;
          return { key, ttlMs: Number(ttlMs) };
        });
        return { next, keys: keys.filter(({ ttlMs }) => ttlMs !== GONE) };
      }),
  };
}

function figuresOf(text: string): ReadonlyMap<string, string> {
  const figures = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const [, name, value] = /^(\w+):(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) figures.set(name, value);
  }
  return figures;
}
