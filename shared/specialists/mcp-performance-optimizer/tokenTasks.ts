import { z } from 'zod';
import { REFRESH_AFTER_MINUTES } from '../../identity/tokens/cachedVerifier.ts';
import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import { type Finding, reportSchema } from '../finding.ts';
import { KEY_FETCH_MS, SIGNATURE_MS } from './budgets.ts';
import { timeFor } from './measure.ts';
import { type TokensDeps, type TokensLook, lookAtTokens } from './measureTokens.ts';

/** Measures how tokens are verified. */
export const oauthTokenPerformance = (deps: TokensDeps): Task =>
  defineTask({
    name: 'oauth_token_performance',
    permissions: ['delegations.read'],
    agent: 'mcp-performance-optimizer',
    description:
      "Measures the verification of tokens: how long the authority takes to give its keys, a first verification, one with keys, and one that is remembered. With the session's token where it is kept, else with a forged one, which has to be refused.",
    timeoutMs: 20_000,
    input: z.strictObject({
      times: z.int().min(5).max(200).default(50).describe('How often each verification is measured.'),
    }),
    output: reportSchema,
    async run({ times }, helpers) {
      const look = await lookAtTokens(deps, helpers, { withinMs: timeFor(helpers, 15_000), times });
      return succeed({
        summary: tokenSummary(look),
        facts: tokenFacts(look),
        findings: [...tokenFindings(look)],
      });
    },
  });

/** The figures of a look, for people and for the next step. */
export const tokenFacts = ({
  keys,
  token,
  cold,
  warm,
  remembered,
  keyFetches,
}: TokensLook): Readonly<Record<string, unknown>> => ({
  token,
  keyFetch: keys.times,
  keys: keys.last?.count,
  keysCacheControl: keys.last?.cacheControl,
  firstVerification: cold.times,
  withKeys: warm.times,
  remembered: remembered.times,
  keyFetchesOfAll: keyFetches,
  rememberedForMinutes: REFRESH_AFTER_MINUTES,
});

/** What a look came to, in one sentence. */
export function tokenSummary({ token, cold, warm, remembered }: TokensLook): string {
  if (!cold.times || !warm.times) return 'No token could be verified, since there are no keys to be had.';
  const last =
    token === 'session' && remembered.times
      ? `, and ${remembered.times.p50Ms} ms once it is remembered`
      : '; a forged one is never remembered';
  return `A first verification takes ${cold.times.maxMs} ms, one with keys ${warm.times.p50Ms} ms in the median${last}.`;
}

/** What follows from a look at the verification of tokens. */
export function tokenFindings(look: TokensLook): readonly Finding[] {
  const { keys, cold, warm, remembered, keyFetches } = look;
  const findings: Finding[] = [];
  const add = (finding: Finding) => findings.push(finding);
  const fault = keys.fault ?? cold.fault;
  if (fault)
    add({
      rule: fault.kind === 'hung' ? 'keys_hang' : 'keys_unavailable',
      severity: 'critical',
      message: `The authority does not give the signing keys of the tenant (${fault.reason}): whoever an instance has not let in before cannot sign in.`,
      evidence: { reason: fault.reason, afterMs: fault.afterMs },
      remedy:
        'Check that the app reaches the authority (DNS, firewall, proxy) and that MREG_TENANTS names tenants that exist.',
    });
  if (keys.times && keys.times.p50Ms > KEY_FETCH_MS)
    add({
      rule: 'key_fetch_slow',
      severity: 'warning',
      message: `The authority takes ${keys.times.p50Ms} ms in the median to give its keys, of ${KEY_FETCH_MS} ms that it may take.`,
      evidence: { budgetMs: KEY_FETCH_MS, ...keys.times },
      remedy:
        'See what is between the app and the authority: whoever calls a new instance first waits for this.',
    });
  if (warm.times && warm.times.p50Ms > SIGNATURE_MS)
    add({
      rule: 'token_verification_slow',
      severity: 'warning',
      message: `A signature takes ${warm.times.p50Ms} ms in the median to check, of ${SIGNATURE_MS} ms that it may take.`,
      evidence: { budgetMs: SIGNATURE_MS, ...warm.times },
      remedy:
        'The instance has too little of a processor: give it a larger size, or let fewer requests run at once.',
    });
  if (keyFetches > 1)
    add({
      rule: 'keys_fetched_again',
      severity: 'warning',
      message: `The keys were fetched ${keyFetches} times for tokens of one tenant, where once is enough.`,
      evidence: { keyFetches },
      remedy:
        'The authority gives keys without the one that tokens are signed with: look whether it changes its keys now.',
    });
  const isGood = cold.last !== undefined && 'principal' in cold.last;
  if (isGood && warm.times && remembered.times && remembered.times.p50Ms >= warm.times.p50Ms)
    add({
      rule: 'tokens_not_remembered',
      severity: 'warning',
      message: `A token that was verified before takes ${remembered.times.p50Ms} ms, no less than a new one (${warm.times.p50Ms} ms).`,
      evidence: { rememberedP50Ms: remembered.times.p50Ms, withKeysP50Ms: warm.times.p50Ms },
      remedy: 'Look at rememberVerified: each request pays for a signature.',
    });
  return [...findings, ...verdictFindings(look)];
}

function verdictFindings({ token, cold }: TokensLook): readonly Finding[] {
  if (token === 'forged') {
    const wasAccepted = cold.last !== undefined && 'principal' in cold.last;
    return [
      {
        rule: 'session_without_token',
        severity: 'info',
        message: 'There is no token of a session: a forged one was measured, which is never remembered.',
        evidence: { token },
        remedy: 'Open the session with {"keepToken": true} to measure what a good token takes.',
      },
      ...(wasAccepted ? [forgedAccepted] : []),
    ];
  }
  if (cold.last === undefined || !('refusal' in cold.last)) return [];
  return [
    {
      rule: 'session_token_refused',
      severity: 'warning',
      message: `The token of the session is refused now (${cold.last.refusal}): refusals were measured, which are never remembered.`,
      evidence: { refusal: cold.last.refusal },
      remedy: 'Sign in again and open a new session.',
    },
  ];
}

const forgedAccepted: Finding = {
  rule: 'forged_token_accepted',
  severity: 'critical',
  message: 'A token that nobody has signed was accepted.',
  evidence: { token: 'forged' },
  remedy: 'Take the gateway off the network: anybody can be anyone.',
};
