import { describe, expect, test } from 'vitest';
import type { Actor } from '../../../shared/identity/access/actor.ts';
import { TOKEN_CACHE_SIZE } from '../../../shared/identity/limits.ts';
import { createCachedVerifier } from '../../../shared/identity/tokens/cachedVerifier.ts';
import type { Verdict } from '../../../shared/identity/tokens/verifyToken.ts';

const start = Date.UTC(2026, 0, 1);
const actor = (userId: string, expiresAt = start + 3_600_000): Actor => ({
  tenantId: 't',
  userId,
  kind: 'user',
  clientId: 'c',
  roles: ['User'],
  expiresAt,
});

/** A verifier that counts, with a clock to move. */
function verifier(judge: (header: string | null, resource: string) => Verdict) {
  let now = start;
  const judged: (string | null)[] = [];
  const verifier = createCachedVerifier(
    (header, resource) => {
      judged.push(header);
      return Promise.resolve(judge(header, resource));
    },
    { now: () => new Date(now) },
  );
  const verify = (header: string | null, resource = 'https://mcp.contoso.com/mcp') =>
    verifier(header, resource);
  return { verify, judged, advance: (seconds: number) => void (now += seconds * 1_000) };
}

describe('a token that was verified', () => {
  test('is not verified again within five minutes, and then it is', async () => {
    const { verify, judged, advance } = verifier((header) => ({ actor: actor(header ?? '') }));
    expect(await verify('Bearer a')).toEqual({ actor: actor('Bearer a') });
    advance(299);
    expect(await verify('Bearer a')).toEqual({ actor: actor('Bearer a') });
    expect(judged).toHaveLength(1);
    advance(1);
    await verify('Bearer a');
    expect(judged).toHaveLength(2);
  });

  test('is never taken for another, however alike they are', async () => {
    const { verify } = verifier((header) => ({ actor: actor(header ?? '') }));
    await verify('Bearer a');
    expect(await verify('Bearer a ')).toEqual({ actor: actor('Bearer a ') });
    expect(await verify('bearer a')).toEqual({ actor: actor('bearer a') });
  });

  test('is not believed a moment longer than it is good', async () => {
    const { verify, judged, advance } = verifier((header) => ({
      actor: actor(header ?? '', start + 10_000),
    }));
    await verify('Bearer a');
    advance(10);
    await verify('Bearer a');
    expect(judged).toHaveLength(2);
  });
});

describe('a token of the gateway itself', () => {
  const [one, other] = ['https://mcp.contoso.com/mcp', 'https://mcp.contoso.com/servers/stock/mcp'];

  test('is compared with the resource of each request, without another check of its signature', async () => {
    const { verify, judged } = verifier(() => ({ actor: actor('u'), resource: one }));
    expect(await verify('Bearer a', one)).toEqual({ actor: actor('u'), resource: one });
    expect(await verify('Bearer a', other)).toEqual({ refusal: 'wrong_audience' });
    expect(await verify('Bearer a', one)).toHaveProperty('actor');
    expect(judged).toEqual(['Bearer a']);
  });

  test('that was refused at one resource is judged at the other', async () => {
    const { verify } = verifier((_, resource) =>
      resource === one ? { actor: actor('u'), resource: one } : { refusal: 'wrong_audience' },
    );
    expect(await verify('Bearer a', other)).toEqual({ refusal: 'wrong_audience' });
    expect(await verify('Bearer a', one)).toHaveProperty('actor');
  });
});

test('a token of Entra is for every resource', async () => {
  const { verify, judged } = verifier(() => ({ actor: actor('u') }));
  for (const resource of ['https://a.example', 'https://b.example'])
    expect(await verify('Bearer a', resource)).toEqual({ actor: actor('u') });
  expect(judged).toHaveLength(1);
});

test('a token that was refused is judged each time', async () => {
  let isGood = false;
  const { verify } = verifier(() => (isGood ? { actor: actor('u') } : { refusal: 'not_yet_valid' }));
  expect(await verify('Bearer a')).toEqual({ refusal: 'not_yet_valid' });
  isGood = true;
  expect(await verify('Bearer a')).toHaveProperty('actor');
});

test('an outage while keys are fetched is told, and not remembered', async () => {
  let isDown = true;
  const { verify } = verifier(() => {
    if (isDown) throw new Error('down');
    return { actor: actor('u') };
  });
  await expect(verify('Bearer a')).rejects.toThrow('down');
  isDown = false;
  expect(await verify('Bearer a')).toHaveProperty('actor');
});

test('no more than a thousand are remembered, and the oldest makes room', async () => {
  const { verify, judged } = verifier((header) => ({ actor: actor(header ?? '') }));
  for (let index = 0; index <= TOKEN_CACHE_SIZE; index++) await verify(`Bearer ${index}`);
  judged.length = 0;
  await verify('Bearer 1');
  expect(judged).toEqual([]);
  await verify('Bearer 0');
  expect(judged).toEqual(['Bearer 0']);
});
