import { REFRESH_AFTER_MINUTES } from '../../identity/limits.ts';
import type { Task } from '../../orchestration/tasks/task.ts';
import { defineFindings, type Finding } from '../finding.ts';
import { inspectionsOf } from '../inspection.ts';
import { KEY_FETCH_MS, SIGNATURE_MS } from './budgets.ts';
import { type MeasuringFault, type Percentiles, timeFor, timesSchema } from './measure.ts';
import { measureTokens, type TokenMeasurements, type TokensDeps } from './measureTokens.ts';

const { report } = inspectionsOf('mcp-performance-optimizer');

const noKeys = ({ reason }: Pick<MeasuringFault, 'reason' | 'afterMs'>) => ({
  severity: 'critical' as const,
  message: `the authority does not return the signing keys of the tenant (${reason}): users whose tokens are not cached cannot sign in`,
  remedy:
    'Check that the app reaches the authority (DNS, firewall, proxy) and that MREG_TENANTS names existing tenants.',
});

const finding = defineFindings({
  keys_hang: noKeys,
  keys_unavailable: noKeys,
  key_fetch_slow: ({ p50Ms, budgetMs }: Percentiles & { budgetMs: number }) => ({
    severity: 'warning',
    message: `the authority takes ${p50Ms} ms in the median to return its keys; the budget is ${budgetMs} ms`,
    remedy:
      'Check the network between the app and the authority: the first caller of a new instance waits for the keys.',
  }),
  token_verification_slow: ({ p50Ms, budgetMs }: Percentiles & { budgetMs: number }) => ({
    severity: 'warning',
    message: `the verification of a signature takes ${p50Ms} ms in the median; its budget is ${budgetMs} ms`,
    remedy: 'The instance lacks processor time: use a larger instance, or let fewer requests run at once.',
  }),
  keys_fetched_again: ({ keyFetches }: { keyFetches: number }) => ({
    severity: 'warning',
    message: `the keys were fetched ${keyFetches} times for tokens of one tenant; once is enough`,
    remedy:
      'The authority returns keys without the one that signs its tokens: check whether it is rotating its keys now.',
  }),
  tokens_not_remembered: ({
    rememberedP50Ms,
    withKeysP50Ms,
  }: {
    rememberedP50Ms: number;
    withKeysP50Ms: number;
  }) => ({
    severity: 'warning',
    message: `a token that was verified before takes ${rememberedP50Ms} ms, not less than a new one (${withKeysP50Ms} ms)`,
    remedy: 'Check the cache of verified tokens: without it each request verifies a signature.',
  }),
  session_without_token: ({ instead, ...evidence }: { instead: string; token?: 'forged' }) => ({
    severity: 'info',
    message: `the session keeps no token: ${instead}`,
    evidence,
    remedy: 'Open the session with {"keepToken": true} to measure what needs a token.',
  }),
  session_token_refused: ({ refusal }: { refusal: string }) => ({
    severity: 'warning',
    message: `the token of the session is refused now (${refusal}): refusals were measured, which are never cached`,
    remedy: 'Sign in again and open a new session.',
  }),
  forged_token_accepted: {
    severity: 'critical',
    message: 'a token without a valid signature was accepted',
    remedy: 'Take the gateway off the network: anyone can act as any user.',
  },
});

/** The finding of a task that measured something else because the session keeps no token. */
export const withoutToken = (instead: string, evidence: { readonly token?: 'forged' } = {}): Finding =>
  finding('session_without_token', { instead, ...evidence });

/** The task that measures how tokens are verified. */
export const oauthTokenPerformance = (deps: TokensDeps): Task =>
  report({
    name: 'oauth_token_performance',
    permissions: ['delegations.read'],
    description:
      "Measures the verification of tokens: how long the authority takes to return its keys, a first verification, one with keys, and one of a cached token. Uses the session's token if the session keeps it, else a forged one, which must be refused.",
    timeoutMs: 20_000,
    input: timesSchema(200, 50),
    async inspect({ times }, helpers) {
      const measured = await measureTokens(deps, helpers, { withinMs: timeFor(helpers, 15_000), times });
      return {
        summary: tokenSummary(measured),
        facts: tokenFacts(measured),
        findings: tokenFindings(measured),
      };
    },
  });

/** The figures of a measurement, for the report. */
export const tokenFacts = (measured: TokenMeasurements): Readonly<Record<string, unknown>> => ({
  token: measured.token,
  keyFetch: measured.keys.times,
  keys: measured.keys.last?.count,
  keysCacheControl: measured.keys.last?.cacheControl,
  firstVerification: measured.cold.times,
  withKeys: measured.warm.times,
  remembered: measured.remembered.times,
  keyFetchesOfAll: measured.keyFetches,
  rememberedForMinutes: REFRESH_AFTER_MINUTES,
});

/** The result of a measurement, in one sentence. */
export function tokenSummary({ token, cold, warm, remembered }: TokenMeasurements): string {
  if (!cold.times || !warm.times) return 'No token could be verified, since the authority returned no keys.';
  const last =
    token === 'session' && remembered.times
      ? `, and ${remembered.times.p50Ms} ms once it is cached`
      : '; a forged one is never cached';
  return `A first verification takes ${cold.times.maxMs} ms, one with keys ${warm.times.p50Ms} ms in the median${last}.`;
}

/** Judges the measurements of the verification of tokens. */
export function tokenFindings({
  keys,
  token,
  cold,
  warm,
  remembered,
  keyFetches,
}: TokenMeasurements): readonly Finding[] {
  const findings: Finding[] = [];
  const fault = keys.fault ?? cold.fault;
  if (fault) {
    const { kind, reason, afterMs } = fault;
    findings.push(finding(kind === 'hung' ? 'keys_hang' : 'keys_unavailable', { reason, afterMs }));
  }
  if (keys.times && keys.times.p50Ms > KEY_FETCH_MS)
    findings.push(finding('key_fetch_slow', { budgetMs: KEY_FETCH_MS, ...keys.times }));
  if (warm.times && warm.times.p50Ms > SIGNATURE_MS)
    findings.push(finding('token_verification_slow', { budgetMs: SIGNATURE_MS, ...warm.times }));
  if (keyFetches > 1) findings.push(finding('keys_fetched_again', { keyFetches }));
  const isGood = cold.last !== undefined && 'actor' in cold.last;
  if (isGood && warm.times && remembered.times && remembered.times.p50Ms >= warm.times.p50Ms)
    findings.push(
      finding('tokens_not_remembered', {
        rememberedP50Ms: remembered.times.p50Ms,
        withKeysP50Ms: warm.times.p50Ms,
      }),
    );
  if (token === 'forged') {
    findings.push(withoutToken('a forged token was measured, which is never cached', { token }));
    if (isGood) findings.push(finding('forged_token_accepted', { token }));
  } else if (cold.last && 'refusal' in cold.last)
    findings.push(finding('session_token_refused', { refusal: cold.last.refusal }));
  return findings;
}
