import type { Redis } from 'ioredis';

/** A look at the Redis that keeps the state: its own figures, and the names and times of keys. It reads no value and changes nothing. */
export interface RedisInspection {
  /** The figures of `INFO` by their names, all sections in one. */
  info(): Promise<ReadonlyMap<string, string>>;
  /** Some keys, and where to go on; `'0'` begins, and as `next` it is the end. Keys that change meanwhile may come twice or not at all. */
  scan(cursor: string): Promise<{ readonly next: string; readonly keys: readonly RedisKey[] }>;
}

export interface RedisKey {
  readonly key: string;
  /** Milliseconds that it has left; -1 for a key without an end. */
  readonly ttlMs: number;
}

/** What Redis looks through for one answer: a millisecond of its time. */
const KEYS_AT_ONCE = 200;

/** `PTTL` of a key that has gone since. */
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
