import { defaultResource } from '../../identity/tokens/resources.ts';
import { issuerOf, type PublishedKey } from '../../identity/tokens/signingKeys.ts';
import type { TokenKind } from '../../identity/tokens/tokenClaims.ts';
import { tokenSettingsOf } from '../../identity/tokens/tokenFacts.ts';
import { createTokenVerifier, type TokenVerifier } from '../../identity/tokens/verifyToken.ts';
import type { Task, TaskHelpers } from '../../orchestration/tasks/task.ts';
import type { Clock } from '../../platform/base/clock.ts';
import { InfrastructureError } from '../../platform/base/errors.ts';
import { succeed } from '../../platform/base/result.ts';
import { callEndpoint, tracedHeaders } from '../callEndpoint.ts';
import type { SpecialistDeps } from '../deps.ts';
import { defineFindings, type Finding } from '../finding.ts';
import { inspectionsOf } from '../inspection.ts';
import { finding as sharedFinding, OUT_OF_SERVICE } from './findings.ts';
import { type Forgery, forgeTokens, type Forging, makeForgersKey } from './forgeTokens.ts';
import { publishedKeys } from './identityProvider.ts';

type TestDeps = Pick<SpecialistDeps, 'config' | 'authority' | 'outbound' | 'verifyToken'>;

interface Forged {
  readonly kind: string;
  readonly outcome: string;
}
interface Sent {
  readonly app: string;
  readonly kind: string;
  readonly status: number;
}
const finding = defineFindings({
  forgery_accepted: ({ kind }: Forged) => ({
    severity: 'critical',
    message: `the app accepts a token that is ${kind}`,
    remedy: OUT_OF_SERVICE,
  }),
  forgery_unjudged: ({ kind }: Forged) => ({
    severity: 'critical',
    message: `the app cannot check a token that is ${kind}: the keys of the issuer cannot be fetched`,
    remedy: 'Check that the app can reach the issuer, then run the check again.',
  }),
  rule_missing: ({ kind }: Forged & { expected: string }) => ({
    severity: 'critical',
    message: `the rules of the app accept a token that is ${kind}`,
    remedy: OUT_OF_SERVICE,
  }),
  rule_order: ({ kind, outcome }: Forged & { expected: string }) => ({
    severity: 'warning',
    message: `a token that is ${kind} is rejected for another reason: ${outcome}`,
    remedy: 'Check the order of the token rules in shared/identity/tokens.',
  }),
  good_token_refused: ({ refusal }: { refusal: string }) => ({
    severity: 'critical',
    message: `the rules of the app reject a valid token as ${refusal}, so their other verdicts prove nothing`,
    remedy:
      'Compare the settings of the app with the tokens of the issuer: the task azure_oauth_setup does it.',
  }),
  forgery_not_refused: ({ app, kind, status }: Sent) => ({
    severity: 'critical',
    message: `the ${app} app answers a token that is ${kind} with ${status} instead of 401`,
    remedy: status < 400 ? OUT_OF_SERVICE : 'Read the log of the app under the trace of this delegation.',
  }),
  challenge_missing: ({ app, kind }: Sent) => ({
    severity: 'critical',
    message: `the ${app} app rejects a token that is ${kind} without a challenge for the client (RFC 6750, section 3)`,
    remedy: 'Check what is between the app and its clients: a proxy removes the header WWW-Authenticate.',
  }),
});

const { gateCheck } = inspectionsOf('mcp-security-auditor');

/** Forges tokens of every kind that the app must reject, and checks that it rejects them. */
export const jwtTokenValidationTest = (deps: TestDeps): Task =>
  gateCheck({
    name: 'jwt_token_validation_test',
    permissions: ['delegations.read'],
    description:
      'Forges a token for each kind of fault (unsigned, another key, audience, issuer, tenant, time, algorithm), and passes when the app rejects every one of them, in its code and over HTTP.',
    timeoutMs: 30_000,
    async inspect(_, helpers) {
      const { tenantId: tenant, clock, signal } = helpers;
      const rules = tokenSettingsOf(deps.config, deps.authority);
      const resource = defaultResource(deps.config);
      const published = await publishedKeys(tenant, deps, signal);
      const known = published.value?.find(({ kty, kid }) => kty === 'RSA' && kid !== undefined);
      const shared = { rules, resource, tenant, now: clock.now() };
      const judgedOf = (kind: TokenKind, key: PublishedKey | undefined) =>
        forgeAndJudge({ ...shared, kind }, key, deps.verifyToken, clock);
      const [entra, gateway] = await Promise.all([
        judgedOf('entra', known),
        rules.gateway && judgedOf('gateway', rules.gateway.keys[0]),
      ]);
      const overHttp = await Promise.all(
        overHttpOf(entra.forgeries, deps).map((attempt) => send(attempt, helpers, deps)),
      );
      const byRules = [...entra.byRules, ...(gateway?.byRules ?? [])];
      const byApp = [...entra.byApp, ...(gateway?.byApp ?? [])];
      const findings = [
        ...[entra, gateway].flatMap((each) =>
          each === undefined || 'actor' in each.control
            ? []
            : [finding('good_token_refused', { refusal: each.control.refusal })],
        ),
        ...byRules.flatMap(({ forgery, outcome }) => ruleFindings(forgery, outcome)),
        ...byApp.flatMap(({ forgery, outcome }) => appFindings(forgery.kind, outcome)),
        ...overHttp.flat(),
        ...(published.problem === undefined
          ? []
          : [sharedFinding('keys_unreachable', { tenant, problem: published.problem })]),
      ];
      return {
        findings,
        facts: {
          forged: byApp.length,
          byTheRules: Object.fromEntries(byRules.map(({ forgery, outcome }) => [forgery.kind, outcome])),
          byTheApp: Object.fromEntries(byApp.map(({ forgery, outcome }) => [forgery.kind, outcome])),
          overHttp: overHttp.length,
        },
      };
    },
  });

/**
 * Forges the tokens of one issuer. The rules of the app judge them with the key of this test, because with another key they would
 * check no claim. The app judges those that name `known`, a key that the issuer publishes.
 */
async function forgeAndJudge(
  forging: Omit<Forging, 'signer' | 'stranger' | 'named'>,
  known: PublishedKey | undefined,
  verifyToken: TokenVerifier,
  clock: Clock,
) {
  const { kind, rules, resource } = forging;
  const [signer, stranger] = await Promise.all([makeForgersKey(kind), makeForgersKey(kind)]);
  const [own, foreign] = await Promise.all([
    forgeTokens({ ...forging, signer, stranger, named: signer.jwk }),
    forgeTokens({ ...forging, signer, stranger, named: known ?? signer.jwk }),
  ]);
  const { gateway } = rules;
  const testKeys = gateway && {
    issuer: gateway.issuer,
    keys: [{ ...signer.jwk, issuer: gateway.issuer }],
  };
  const ruled = createTokenVerifier(
    { ...rules, ...(testKeys && { gateway: testKeys }) },
    { clock, outbound: keysOf({ ...signer.jwk, issuer: issuerOf(rules.authority, '{tenantid}') }) },
  );
  const flawless = {
    kind:
      kind === 'entra'
        ? 'flawless, but signed with a key that nobody publishes'
        : 'of the gateway itself, flawless, but signed with another key',
    token: foreign.flawless,
  };
  const [control, byRules, byApp] = await Promise.all([
    ruled(`Bearer ${own.flawless}`, resource),
    Promise.all(own.forgeries.map((forgery) => judged(forgery, resource, ruled))),
    Promise.all([flawless, ...foreign.forgeries].map((forgery) => judged(forgery, resource, verifyToken))),
  ]);
  return { control, byRules, byApp, forgeries: foreign.forgeries };
}

/** Returns the same key for every URL. */
const keysOf = (key: object): Parameters<typeof createTokenVerifier>[1]['outbound'] => ({
  request: () =>
    Promise.resolve(
      succeed({
        statusCode: 200,
        body: { bytes: () => Promise.resolve(Buffer.from(JSON.stringify({ keys: [key] }))) },
      }),
    ),
});

/** Returns the reason of the refusal, or `accepted`, or `unjudged` if the keys could not be fetched. */
async function judged<T extends Pick<Forgery, 'kind' | 'token'>>(
  forgery: T,
  resource: string,
  verify: TokenVerifier,
): Promise<{ readonly forgery: T; readonly outcome: string }> {
  try {
    const said = await verify(`Bearer ${forgery.token}`, resource);
    return { forgery, outcome: 'actor' in said ? 'accepted' : said.refusal };
  } catch (error) {
    if (!(error instanceof InfrastructureError)) throw error;
    return { forgery, outcome: 'unjudged' };
  }
}

function appFindings(kind: string, outcome: string): Finding[] {
  if (outcome === 'accepted') return [finding('forgery_accepted', { kind, outcome })];
  return outcome === 'unjudged' ? [finding('forgery_unjudged', { kind, outcome })] : [];
}

function ruleFindings({ kind, refusal: expected }: Forgery, outcome: string): Finding[] {
  if (outcome === expected) return [];
  return [finding(outcome === 'accepted' ? 'rule_missing' : 'rule_order', { kind, outcome, expected })];
}

const HTTP_WITHIN_MS = 10_000;

interface Attempt {
  readonly app: 'mcp' | 'management';
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly forgery: Forgery;
}

/** Only a few: the apps report many refusals within a minute as an attack. */
function overHttpOf(forgeries: readonly Forgery[], { config }: TestDeps): readonly Attempt[] {
  const [, unsigned, otherKey] = forgeries;
  return [unsigned, otherKey].flatMap((forgery, index): Attempt[] =>
    forgery
      ? [
          { app: 'mcp', method: 'POST', url: `${config.publicOrigin}/mcp`, forgery },
          ...(index === 0
            ? [
                {
                  app: 'management',
                  method: 'GET',
                  url: `${config.managementOrigin}/servers`,
                  forgery,
                } as const,
              ]
            : []),
        ]
      : [],
  );
}

async function send(
  { app, url, method, forgery: { kind, token } }: Attempt,
  { signal, traceId }: TaskHelpers,
  { outbound }: TestDeps,
): Promise<Finding[]> {
  const called = await callEndpoint(outbound, {
    method,
    url,
    token,
    headers: tracedHeaders(traceId),
    ...(method === 'POST' && { body: '{"jsonrpc":"2.0","id":1,"method":"ping"}' }),
    signal: AbortSignal.any([signal, AbortSignal.timeout(HTTP_WITHIN_MS)]),
  });
  if (!called.ok) {
    const { kind: reason, message: problem } = called.error;
    const request = `the ${app} app`;
    return [sharedFinding('app_unreachable', { request, app, kind, reason, problem })];
  }
  const { status, headers } = called.value;
  if (status !== 401) return [finding('forgery_not_refused', { app, kind, status })];
  const challenge = String(headers['www-authenticate'] ?? '');
  return challenge.startsWith('Bearer ') && challenge.includes('error="invalid_token"')
    ? []
    : [finding('challenge_missing', { app, kind, status })];
}
