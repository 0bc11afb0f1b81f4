import { describe, expect, test } from 'vitest';
import { checkOutboundUrl } from '../../shared/platform/security/addressRules.ts';
import { readImport } from '../../shared/registry/import/readImport.ts';
import { serverJsonSchema } from '../../shared/registry/serverJson/serverJson.ts';
import { bearerChallenge } from '../../shared/specialists/fastmcp-specialist/challengeFindings.ts';
import { matrixRow } from '../../shared/specialists/mcp-protocol-expert/carriedFeatures.ts';
import { repeated } from '../../shared/specialists/mcp-protocol-expert/checks/promptsAndResources.ts';
import { foreignReference } from '../../shared/specialists/mcp-protocol-expert/checks/jsonSchema.ts';
import { serverJson } from '../support/serverJson.ts';

/** Linear work on these takes milliseconds, and what grows with their square at least three times as long as this. */
const LIMIT_MS = 2_000;

const hosts = Array.from(
  { length: 300 },
  (_, host) =>
    `https://${String.fromCodePoint(...Array.from({ length: 1_900 }, (_, n) => 0x4e00 + ((n * 7919 + host) % 20_000)))}.com`,
);
const remoteOf = (url: string) => serverJson({ remotes: [{ type: 'streamable-http', url }] });

describe('what a stranger sends is read in a time that grows with its length alone', () => {
  test.each<[string, () => unknown]>([
    [
      'a URL template of open braces',
      () => serverJsonSchema.safeParse(remoteOf(`https://a/${':{'.repeat(40_000)}`)),
    ],
    [
      'the variables of such a one',
      () => serverJsonSchema.safeParse(remoteOf(`https://a/${'{'.repeat(60_000)}`)),
    ],
    ['URLs whose hosts are of other scripts', () => hosts.map((url) => checkOutboundUrl(url, 'public').ok)],
    [
      'references to such hosts',
      () => foreignReference({ allOf: hosts.map((url) => ({ $ref: `${url}:x` })) }),
    ],
    [
      'a challenge of one long word',
      () => bearerChallenge({ headers: { 'www-authenticate': `Bearer ${'a'.repeat(60_000)}` } }),
    ],
    [
      'a version of digits alone',
      () =>
        readImport(
          ['1', '2'].map((digit) => ({ server: { name: 'a/b', version: `${digit.repeat(3_000_000)}.0.0` } })),
        ),
    ],
    [
      'names of which none comes twice',
      () =>
        repeated(
          Array.from({ length: 60_000 }, (_, n) => ({ name: '', value: { name: `n${n}` } })),
          'name',
          '',
        ),
    ],
    [
      'capabilities',
      () =>
        matrixRow('a', {
          era: 'modern',
          protocolVersion: '',
          tools: [],
          capabilities: Object.fromEntries(Array.from({ length: 8_000 }, (_, n) => [`c${n}`, {}])),
        }),
    ],
  ])('%s', async (_, read) => {
    const startedAt = performance.now();
    await read();
    expect(performance.now() - startedAt).toBeLessThan(LIMIT_MS);
  });
});
