import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runClientConformance } from '../support/conformance.ts';
import { startTestTopology, type TestTopology } from '../support/topology.ts';

/*
 * The gateway as a client: the suite's own servers are registered, and called through `/servers/{slug}/mcp` on behalf of a client of
 * the 2025 era, for which the gateway has to do most. Every scenario that a requirement set names is run. What is not for
 * a gateway is listed with the reason; a scenario that is listed and passes, or that there no longer is, is a fault too.
 */

const NOT_BY_USERS =
  'is for a client without a person: the gateway signs in to servers with the account of each user, or with a client secret of the settings';
const leftOut: Readonly<Record<string, string>> = {
  'auth/basic-cimd': 'expects the id of the document of the suite itself; the gateway sends that of its own',
  'auth/pre-registration':
    'gives a client id at the start of the scenario; the gateway has such clients in its settings, by an issuer that is known then',
  // Not counted by either set.
  'auth/client-credentials-jwt': `${NOT_BY_USERS}, and not with a signed assertion`,
  'auth/client-credentials-basic': `${NOT_BY_USERS}, whose token endpoint they name`,
  'auth/enterprise-managed-authorization':
    'exchanges an identity assertion of the suite at the server; the gateway accepts such, and sends none',
  'auth/wif-jwt-bearer': `${NOT_BY_USERS}; its workload identity is for Entra`,
  'auth/dpop': 'binds tokens to a key (RFC 9449), which no revision of MCP requires',
  'auth/dpop-nonce': 'binds tokens to a key (RFC 9449), which no revision of MCP requires',
};

const signIn = (names: readonly string[]) => names.map((name) => `auth/${name}`);
/** A server that wants the account of each user: the user opens the gateway's link in a browser. */
const accounts2025 = signIn([
  ...['metadata-default', 'metadata-var1', 'metadata-var2', 'metadata-var3'],
  ...['scope-from-www-authenticate', 'scope-from-scopes-supported', 'scope-omitted-when-undefined'],
  ...['scope-step-up', 'scope-retry-limit'],
  ...['token-endpoint-auth-basic', 'token-endpoint-auth-post', 'token-endpoint-auth-none'],
]);
const accounts2026 = signIn([
  ...['resource-mismatch', 'offline-access-scope', 'offline-access-not-supported'],
  ...['authorization-server-migration', 'metadata-issuer-mismatch'],
  ...['iss-supported', 'iss-not-advertised', 'iss-supported-missing', 'iss-wrong-issuer'],
  ...['iss-unexpected', 'iss-normalized'],
]);

const sets = [
  {
    requirements: '2025-11-25',
    scored: 18,
    passing: [
      ...['initialize', 'tools_call', 'elicitation-sep1034-client-defaults', 'sse-retry'],
      'json-schema-2020-12-preservation',
      ...accounts2025,
    ],
  },
  {
    requirements: '2026-07-28',
    scored: 32,
    passing: [
      ...['tools_call', 'request-metadata', 'sep-2322-client-request-state', 'http-standard-headers'],
      ...['http-custom-headers', 'http-invalid-tool-headers', 'json-schema-ref-no-deref'],
      'json-schema-2020-12-preservation',
      ...accounts2025,
      ...accounts2026,
    ],
  },
] as const;

const program = resolve(import.meta.dirname, '../support/conformanceClient.ts');
let topology: TestTopology;
beforeAll(async () => {
  topology = await startTestTopology();
});
afterAll(() => topology.stop());

describe.each(sets)('the set of $requirements', ({ requirements, scored, passing }) => {
  test('passes but for what is listed with its reason', async () => {
    const verdicts = await runClientConformance(program, requirements, {
      GATEWAY_MANAGEMENT: topology.urls.management,
      GATEWAY_MCP: topology.urls.mcp,
      GATEWAY_TOKEN: await topology.mint({ role: 'Admin' }),
      GATEWAY_PERSON: 'admin@contoso.example',
    });
    expect(verdicts.filter((verdict) => verdict.scored)).toHaveLength(scored);
    const named = (isPassed: boolean) =>
      verdicts.filter(({ passed }) => passed === isPassed).map(({ scenario }) => scenario);
    expect(named(true).sort()).toEqual([...passing].sort());
    expect(named(false).sort()).toEqual(Object.keys(leftOut).sort());
  }, 240_000);
});
