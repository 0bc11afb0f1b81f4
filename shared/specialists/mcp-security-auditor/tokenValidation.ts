import * as z from 'zod';
import { decidingRule, explainToken, type RuleStep } from '../../identity/tokens/explainToken.ts';
import { resourceOfToken } from '../../identity/tokens/resources.ts';
import { tokenSettingsOf } from '../../identity/tokens/tokenFacts.ts';
import { type TokenRuleId, tokenRuleIds } from '../../identity/tokens/tokenRules.ts';
import { defineTask, type Task } from '../../orchestration/tasks/task.ts';
import { InfrastructureError } from '../../platform/base/errors.ts';
import { succeed } from '../../platform/base/result.ts';
import { tokenNotKept } from '../checkEndpoints.ts';
import type { SpecialistDeps } from '../deps.ts';
import { defineFindings, type Finding, reportSchema } from '../finding.ts';
import { finding as sharedFinding, type TokenVerdict } from './findings.ts';
import { publishedKeys } from './identityProvider.ts';

const outputSchema = reportSchema.extend({
  verdict: z
    .enum(['accepted', 'refused', 'unknown'])
    .describe('The verdict of the app itself on the token now.'),
  decidedBy: z
    .enum(tokenRuleIds)
    .optional()
    .describe('The first rule that the token breaks; absent if it keeps all.'),
  steps: z.array(
    z.object({
      rule: z.enum(tokenRuleIds),
      passed: z.boolean().optional().describe('Absent if the rule could not be applied.'),
      saw: z.string(),
      wanted: z.string(),
    }),
  ),
});

const finding = defineFindings({
  verdicts_differ: () => ({
    severity: 'warning',
    message: 'the app rejects the token although it keeps every rule that could be checked',
    remedy:
      'Run the task again in a minute: the keys may have just changed. If it stays so, restart the app.',
  }),
});

/** Explains the verdict on the session's token rule by rule, without showing the token. */
export const jwtTokenValidation = (
  deps: Pick<SpecialistDeps, 'config' | 'authority' | 'outbound' | 'verifyToken'>,
): Task =>
  defineTask({
    name: 'jwt_token_validation',
    permissions: ['delegations.read'],
    agent: 'mcp-security-auditor',
    description:
      'Applies each token rule to the token of the session, and reports what the rule saw, whether it passed and which rule decided, and the verdict of the app itself. The token is never shown.',
    timeoutMs: 20_000,
    input: z.strictObject({}),
    output: outputSchema,
    async run(_, { token: ofSession, tenantId, signal, clock }) {
      const token = await ofSession();
      if (token === undefined) return succeed(noToken);
      const { config, authority } = deps;
      const resource = resourceOfToken(token, config);
      const [keys, verdict] = await Promise.all([
        publishedKeys(tenantId, deps, signal),
        deps.verifyToken(`Bearer ${token}`, resource).catch((error: unknown) => {
          if (!(error instanceof InfrastructureError)) throw error;
          return undefined;
        }),
      ]);
      const reading = { settings: tokenSettingsOf(config, authority), resource, now: clock.now() };
      const steps = await explainToken(token, reading, keys.value);
      const decidedBy = decidingRule(steps);
      const said = verdict === undefined ? 'unknown' : 'actor' in verdict ? 'accepted' : 'refused';
      const findings: Finding[] = [];
      if (keys.problem !== undefined)
        findings.push(sharedFinding('keys_unreachable', { tenant: tenantId, problem: keys.problem }));
      const step = steps.find(({ rule }) => rule === decidedBy);
      if (step) findings.push(ruleBroken(step, said));
      else if (said === 'refused') findings.push(finding('verdicts_differ', {}));
      return succeed({
        summary: summaryOf(said, decidedBy),
        facts: {
          ...(verdict && 'refusal' in verdict && { refusal: verdict.refusal }),
          ...(verdict && 'actor' in verdict && { roles: verdict.actor.roles }),
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

const noToken: z.infer<typeof outputSchema> = {
  summary: 'There is no token to check.',
  facts: {},
  findings: [tokenNotKept('the token of the session')],
  verdict: 'unknown',
  steps: [],
};

function summaryOf(said: TokenVerdict, decidedBy: TokenRuleId | undefined): string {
  const verdict = said === 'unknown' ? 'The app cannot check the token now' : `The app has ${said} the token`;
  return decidedBy === undefined
    ? `${verdict}; it keeps every rule that could be applied.`
    : `${verdict}; the first rule that it breaks is "${decidedBy}".`;
}

/** Keys and verified tokens are cached, so a key that was withdrawn still counts for a while. */
const cachedRules: readonly TokenRuleId[] = ['key', 'signature', 'key_issuer'];

const ruleBroken = (step: RuleStep, verdict: TokenVerdict): Finding =>
  verdict === 'accepted' && !cachedRules.includes(step.rule)
    ? sharedFinding('broken_token_accepted', step)
    : sharedFinding(`token_${step.rule}`, { ...step, verdict });
