import { z } from 'zod';
import { type TokenVerifier, createTokenVerifier, issuerOf } from '../../identity/tokens/verifyToken.ts';
import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import { InfrastructureError } from '../../platform/base/errors.ts';
import { succeed } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type Finding, verdict, verdictSchema } from '../finding.ts';
import { type Forgery, forgeTokens, makeForgersKey } from './forgeTokens.ts';
import { OUT_OF_SERVICE, overHttpOf, send } from './forgeriesOverHttp.ts';
import { publishedKeys } from './identityProvider.ts';

type TestDeps = Pick<SpecialistDeps, 'config' | 'authority' | 'outbound' | 'verifyToken'>;

/** Forges tokens of every kind that must be refused and sees them refused. */
export const jwtTokenValidationTest = (deps: TestDeps): Task =>
  defineTask({
    name: 'jwt_token_validation_test',
    permissions: ['delegations.read'],
    agent: 'mcp-security-auditor',
    description:
      'Forges a token for each way in which one can be wrong (unsigned, another key, audience, issuer, tenant, time, algorithm) and passes when the app refuses every one, in its code and over HTTP.',
    timeoutMs: 30_000,
    input: z.strictObject({}),
    output: verdictSchema,
    async run(_, helpers) {
      const { tenantId: tenant, clock, signal } = helpers;
      const rules = {
        authority: deps.authority,
        audience: deps.config.apiClientId,
        tenants: deps.config.tenants,
      };
      const [signer, stranger, published] = await Promise.all([
        makeForgersKey(),
        makeForgersKey(),
        publishedKeys(tenant, deps, signal),
      ]);
      const shared = { rules, tenant, now: clock.now(), signer, stranger };
      const known = published.value?.find(({ kty, kid }) => kty === 'RSA' && kid !== undefined);
      const [own, foreign] = await Promise.all([
        forgeTokens({ ...shared, named: signer.jwk }),
        forgeTokens({ ...shared, named: known ?? signer.jwk }),
      ]);
      // The rules of the app with a key of ours: only so does a token get far enough to be judged by its claims.
      const ruled = createTokenVerifier(rules, {
        clock,
        outbound: keysOf({ ...signer.jwk, issuer: issuerOf(deps.authority, '{tenantid}') }),
      });
      const flawless = {
        kind: 'flawless, but signed with a key that nobody publishes',
        token: foreign.flawless,
      };
      const [control, byRules, byApp, overHttp] = await Promise.all([
        ruled(`Bearer ${own.flawless}`),
        Promise.all(own.forgeries.map((forgery) => judged(forgery, ruled))),
        Promise.all([flawless, ...foreign.forgeries].map((forgery) => judged(forgery, deps.verifyToken))),
        Promise.all(overHttpOf(foreign.forgeries, deps).map((attempt) => send(attempt, helpers, deps))),
      ]);
      const findings = [
        ...('principal' in control ? [] : [controlFailed(control.refusal)]),
        ...byRules.flatMap(({ forgery, outcome }) => ruleFinding(forgery, outcome)),
        ...byApp.flatMap(({ forgery, outcome }) => appFinding(forgery.kind, outcome)),
        ...overHttp.flat(),
        ...(published.problem === undefined ? [] : [unknownKeys(published.problem)]),
      ];
      return succeed(
        verdict(findings, {
          forged: byApp.length,
          byTheRules: Object.fromEntries(byRules.map(({ forgery, outcome }) => [forgery.kind, outcome])),
          byTheApp: Object.fromEntries(byApp.map(({ forgery, outcome }) => [forgery.kind, outcome])),
          overHttp: overHttp.length,
        }),
      );
    },
  });

/** Gives one key, whatever is asked for. */
const keysOf = (key: object): Parameters<typeof createTokenVerifier>[1]['outbound'] => ({
  request: () =>
    Promise.resolve(
      succeed({
        statusCode: 200,
        body: { bytes: () => Promise.resolve(Buffer.from(JSON.stringify({ keys: [key] }))) },
      }),
    ),
});

/** The reason of the refusal; `accepted` and `unjudged` are none. */
async function judged<T extends Pick<Forgery, 'kind' | 'token'>>(
  forgery: T,
  verify: TokenVerifier,
): Promise<{ readonly forgery: T; readonly outcome: string }> {
  try {
    const said = await verify(`Bearer ${forgery.token}`);
    return { forgery, outcome: 'principal' in said ? 'accepted' : said.refusal };
  } catch (error) {
    if (!(error instanceof InfrastructureError)) throw error;
    return { forgery, outcome: 'unjudged' };
  }
}

function appFinding(kind: string, outcome: string): Finding[] {
  if (outcome !== 'accepted' && outcome !== 'unjudged') return [];
  const accepted = outcome === 'accepted';
  return [
    {
      rule: accepted ? 'forgery_accepted' : 'forgery_unjudged',
      severity: 'critical',
      message: accepted
        ? `the app accepts a token that is ${kind}`
        : `the app cannot judge a token that is ${kind}: the keys of the issuer cannot be had`,
      evidence: { kind, outcome },
      remedy: accepted
        ? OUT_OF_SERVICE
        : 'Check that the app may reach the issuer, then run the check again.',
    },
  ];
}

function ruleFinding({ kind, refusal }: Forgery, outcome: string): Finding[] {
  if (outcome === refusal) return [];
  const accepted = outcome === 'accepted';
  return [
    {
      rule: accepted ? 'rule_missing' : 'rule_order',
      severity: accepted ? 'critical' : 'warning',
      message: accepted
        ? `the rules of the app let a token pass that is ${kind}`
        : `a token that is ${kind} is refused, but as ${outcome}`,
      evidence: { kind, outcome, expected: refusal },
      remedy: accepted
        ? OUT_OF_SERVICE
        : 'Compare the order of the rules in shared/identity/tokens/verifyToken.ts.',
    },
  ];
}

const controlFailed = (refusal: string): Finding => ({
  rule: 'good_token_refused',
  severity: 'critical',
  message: `the rules of the app refuse a token with which nothing is wrong, as ${refusal}: what they say of the others proves nothing`,
  evidence: { refusal },
  remedy: 'Compare the settings of the app with what the issuer signs: azure_oauth_setup does that.',
});

const unknownKeys = (problem: string): Finding => ({
  rule: 'keys_unreachable',
  severity: 'critical',
  message: `no forgery could name a key that the issuer publishes: ${problem}`,
  evidence: { problem },
  remedy: 'Check that the app may reach the issuer, then run the check again.',
});
