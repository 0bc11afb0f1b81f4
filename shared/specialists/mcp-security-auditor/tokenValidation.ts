import { z } from 'zod';
import {
  type RuleStep,
  type TokenRule,
  decidingRule,
  explainToken,
  tokenRuleNames,
} from '../../identity/tokens/explainToken.ts';
import { REFRESH_AFTER_MINUTES } from '../../identity/tokens/cachedVerifier.ts';
import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import { InfrastructureError } from '../../platform/base/errors.ts';
import { succeed } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type Finding, reportSchema } from '../finding.ts';
import { publishedKeys } from './identityProvider.ts';

const outputSchema = reportSchema.extend({
  verdict: z.enum(['accepted', 'refused', 'unknown']).describe('What the app itself says of the token now.'),
  decidedBy: z
    .enum(tokenRuleNames)
    .optional()
    .describe('The first rule that the token does not keep; absent for one that keeps all.'),
  steps: z.array(
    z.object({
      rule: z.enum(tokenRuleNames),
      passed: z.boolean().optional().describe('Absent: the rule could not be applied.'),
      saw: z.string(),
      wanted: z.string(),
    }),
  ),
});

const remedies: Partial<Record<TokenRule, string>> = {
  tenant: 'Add the tenant to MREG_TENANTS of this app, if it may sign in.',
  key: 'Sign in again: the issuer has changed its keys, and signs new tokens with the new one.',
  signature: 'Treat the token as forged: nobody who has the key made it. Find out where it came from.',
  issuer: 'Get the token from the issuer of the settings.',
  audience: 'Get a token for the client id of this gateway, or correct MREG_API_CLIENT_ID.',
  not_before: 'Set the clock of the machine right: the token is not valid yet.',
  expiry: 'Sign in again: the token has ended.',
  version: 'Set requestedAccessTokenVersion to 2 in the manifest of the app registration.',
  scope: 'Ask the issuer for the scope of this gateway.',
  role: 'Have an administrator of the tenant assign an app role of this gateway.',
};

/** Explains what the app makes of the session's token, rule by rule, without showing it. */
export const jwtTokenValidation = (
  deps: Pick<SpecialistDeps, 'config' | 'authority' | 'outbound' | 'verifyToken'>,
): Task =>
  defineTask({
    name: 'jwt_token_validation',
    permissions: ['delegations.read'],
    agent: 'mcp-security-auditor',
    description:
      'Applies each rule for tokens to the token of the session and says what each saw, whether it passed and which one decided; also what the app itself says of the token. The token is never shown.',
    timeoutMs: 20_000,
    input: z.strictObject({}),
    output: outputSchema,
    async run(_, { token: ofSession, tenantId, signal, clock }) {
      const token = await ofSession();
      if (token === undefined) return succeed(noToken);
      const { config, authority } = deps;
      const [keys, verdict] = await Promise.all([
        publishedKeys(tenantId, deps, signal),
        deps.verifyToken(`Bearer ${token}`).catch((error: unknown) => {
          if (!(error instanceof InfrastructureError)) throw error;
          return undefined;
        }),
      ]);
      const rules = { authority, audience: config.apiClientId, tenants: config.tenants };
      const steps = await explainToken(token, rules, keys.value, clock.now());
      const decidedBy = decidingRule(steps);
      const said = verdict === undefined ? 'unknown' : 'principal' in verdict ? 'accepted' : 'refused';
      const findings: Finding[] = [];
      if (keys.problem !== undefined) findings.push(keysUnreachable(keys.problem));
      const step = steps.find(({ rule }) => rule === decidedBy);
      if (step) findings.push(ruleBroken(step, said));
      else if (said === 'refused') findings.push(refusedAllTheSame);
      return succeed({
        summary: summaryOf(said, decidedBy),
        facts: {
          ...(verdict && 'refusal' in verdict && { refusal: verdict.refusal }),
          ...(verdict && 'principal' in verdict && { roles: verdict.principal.roles }),
          rulesPassed: steps.filter(({ passed }) => passed === true).length,
          rulesNotApplied: steps.filter(({ passed }) => passed === undefined).length,
        },
        findings,
        verdict: said,
        ...(decidedBy !== undefined && { decidedBy }),
        steps: [...steps],
      } satisfies z.infer<typeof outputSchema>);
    },
  });

type Said = z.infer<typeof outputSchema>['verdict'];

const noToken: z.infer<typeof outputSchema> = {
  summary: 'There is no token to look at.',
  facts: {},
  findings: [
    {
      rule: 'token_not_kept',
      severity: 'info',
      message: 'the work has no session that keeps its token, or that session has ended',
      evidence: {},
      remedy: 'Open a session with {"keepToken": true} and name it in the delegation.',
    },
  ],
  verdict: 'unknown',
  steps: [],
};

function summaryOf(said: Said, decidedBy: TokenRule | undefined): string {
  const verdict = said === 'unknown' ? 'The app cannot judge the token now' : `The app has ${said} the token`;
  return decidedBy === undefined
    ? `${verdict}; it keeps every rule that could be applied.`
    : `${verdict}; the first rule that it does not keep is "${decidedBy}".`;
}

/** A token that the app lets in all the same is worse than one that it refuses. */
function ruleBroken({ rule, saw, wanted }: RuleStep, said: Said): Finding {
  // What was verified is remembered, and a key set is kept for a day: a key that was taken back goes out like this.
  const lingers = said === 'accepted' && (rule === 'key' || rule === 'signature' || rule === 'key_issuer');
  const message =
    said === 'accepted'
      ? lingers
        ? `the token is still accepted although its ${rule} does not hold by the keys that are published now: keys are fetched anew once a day, verified tokens believed for ${REFRESH_AFTER_MINUTES} minutes`
        : `the token is accepted although it does not keep the rule "${rule}"`
      : `the token does not keep the rule "${rule}"`;
  return {
    rule: `token_${rule}`,
    severity: said === 'accepted' && !lingers ? 'critical' : 'warning',
    message,
    evidence: { saw, wanted, verdict: said },
    remedy: remedies[rule] ?? 'Get a new token from the issuer of the settings.',
  };
}

const keysUnreachable = (problem: string): Finding => ({
  rule: 'keys_unreachable',
  severity: 'warning',
  message: `the signature was not checked: the keys of the issuer cannot be had: ${problem}`,
  evidence: { problem },
  remedy: 'Check that the app may reach the issuer.',
});

const refusedAllTheSame: Finding = {
  rule: 'verdicts_differ',
  severity: 'warning',
  message: 'the app refuses the token although it keeps every rule that could be applied',
  evidence: {},
  remedy: 'Ask again in a minute: the keys may have just changed. If it stays so, restart the app.',
};
