import { describe, expect, test } from 'vitest';
import type { Principal } from '../../../shared/identity/access/actor.ts';
import { TOKEN_CACHE_SIZE, rememberVerified } from '../../../shared/identity/tokens/cachedVerifier.ts';
import type { Verdict } from '../../../shared/identity/tokens/verifyToken.ts';

const start = Date.UTC(2026, 0, 1);
const principal = (userId: string, expiresAt = start + 3_600_000): Principal => ({
  tenantId: 't',
  userId,
  kind: 'user',
  clientId: 'c',
  roles: ['User'],
  expiresAt,
});

/** A verifier that counts, with a clock to move. */
function verifier(judge: (header: string | null) => Verdict) {
  let now = start;
  const judged: (string | null)[] = [];
  const verify = rememberVerified(
    (header) => {
      judged.push(header);
      return Promise.resolve(judge(header));
    },
    { now: () => new Date(now) },
  );
  return { verify, judged, advance: (seconds: number) => void (now += seconds * 1_000) };
}

describe('a token that was verified', () => {
  test('is not verified again within five minutes, and then it is', async () => {
    const { verify, judged, advance } = verifier((header) => ({ principal: principal(header ?? '') }));
    expect(await verify('Bearer a')).toEqual({ principal: principal('Bearer a') });
    advance(299);
    expect(await verify('Bearer a')).toEqual({ principal: principal('Bearer a') });
    expect(judged).toHaveLength(1);
    advance(1);
    await verify('Bearer a');
    expect(judged).toHaveLength(2);
  });

  test('is never taken for another, however alike they are', async () => {
    const { verify } = verifier((header) => ({ principal: principal(header ?? '') }));
    await verify('Bearer a');
    expect(await verify('Bearer a ')).toEqual({ principal: principal('Bearer a ') });
    expect(await verify('bearer a')).toEqual({ principal: principal('bearer a') });
  });

  test('is not believed a moment longer than it is good', async () => {
    const { verify, judged, advance } = verifier((header) => ({
      principal: principal(header ?? '', start + 10_000),
    }));
    await verify('Bearer a');
    advance(10);
    await verify('Bearer a');
    expect(judged).toHaveLength(2);
  });
});

test('a token that was refused is judged each time', async () => {
  let isGood = false;
  const { verify } = verifier(() => (isGood ? { principal: principal('u') } : { refusal: 'not_yet_valid' }));
  expect(await verify('Bearer a')).toEqual({ refusal: 'not_yet_valid' });
  isGood = true;
  expect(await verify('Bearer a')).toHaveProperty('principal');
});

test('an outage while keys are fetched is told, and not remembered', async () => {
  let isDown = true;
  const { verify } = verifier(() => {
    if (isDown) throw new Error('down');
    return { principal: principal('u') };
  });
  await expect(verify('Bearer a')).rejects.toThrow('down');
  isDown = false;
  expect(await verify('Bearer a')).toHaveProperty('principal');
});

test('no more than a thousand are remembered, and the oldest makes room', async () => {
  const { verify, judged } = verifier((header) => ({ principal: principal(header ?? '') }));
  for (let index = 0; index <= TOKEN_CACHE_SIZE; index++) await verify(`Bearer ${index}`);
  judged.length = 0;
  await verify('Bearer 1');
  expect(judged).toEqual([]);
  await verify('Bearer 0');
  expect(judged).toEqual(['Bearer 0']);
});
