import { fenceMemoryMs } from './stateStore.ts';

// Lua scripts. Redis runs each one atomically. KEYS[1] is the key. The comment of a script names its ARGV.

/** ARGV: `1` where a value is expected, the expected value, the new value, its TTL. A missing key reads as false. */
export const compareAndSet = `
if redis.call('GET', KEYS[1]) ~= (ARGV[1] == '1' and ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return 1`;

/** ARGV: the number to add, the window. */
export const increment = `
local count = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return {count, redis.call('PTTL', KEYS[1])}`;

/**
 * A lease is a hash of its fence and its end, which is 0 after a release. Both are in microseconds of the clock of Redis. Lua
 * counts in doubles, which are exact up to 2^53.
 */
const readLease = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local lease = redis.call('HMGET', KEYS[1], 'fence', 'ends')
local left = (tonumber(lease[2]) or 0) - now
local function write(fence, ends, ttl)
  redis.call('HSET', KEYS[1], 'fence', string.format('%.0f', fence), 'ends', string.format('%.0f', ends))
  redis.call('PEXPIRE', KEYS[1], ttl + ${fenceMemoryMs})
end`;

/** ARGV: the TTL. Returns `{1, fence}`, or `{0, milliseconds left}`. */
export const claim = `${readLease}
if left > 0 then return {0, math.ceil(left / 1000)} end
local fence = math.max((tonumber(lease[1]) or 0) + 1, now)
write(fence, now + ARGV[1] * 1000, ARGV[1])
return {1, fence}`;

/** ARGV: the fence, the TTL. A TTL of 0 releases the lease. */
export const renew = `${readLease}
if lease[1] ~= ARGV[1] or left <= 0 then return 0 end
local ttl = tonumber(ARGV[2])
write(lease[1], ttl > 0 and now + ttl * 1000 or 0, ttl)
return 1`;
