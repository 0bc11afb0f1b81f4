import { isSignedBy, type PublishedKey } from './signingKeys.ts';
import { type Reading, readToken } from './tokenFacts.ts';
import { type TokenRuleId, tokenRules } from './tokenRules.ts';

/** What one rule makes of a token. `passed` is absent if the rule could not be applied. */
export interface RuleStep {
  readonly rule: TokenRuleId;
  readonly passed?: boolean;
  readonly saw: string;
  readonly wanted: string;
}

/**
 * Applies every rule to a token, including those after the first that fails, which decides. It explains, and admits nobody.
 * `keys` are those that Entra publishes now for the token's tenant; `undefined` if they cannot be fetched.
 */
export async function explainToken(
  token: string,
  reading: Reading,
  keys: readonly PublishedKey[] | undefined,
): Promise<readonly RuleStep[]> {
  const facts = readToken(token, reading, (header, text) => {
    const key = keys?.find(({ kid }) => kid !== undefined && kid === header.kid);
    return {
      key: () => Promise.resolve(keys ? key : 'unknown'),
      // A published key that cannot be used has signed nothing.
      isSigned: async () => key && isSignedBy(text, key, 'RS256').catch(() => false),
    };
  });
  const steps: RuleStep[] = [];
  for (const { id, passed, saw, wanted } of tokenRules) {
    const result = await passed(facts);
    steps.push({
      rule: id,
      ...(result !== undefined && { passed: result }),
      saw: await saw(facts),
      wanted: wanted(facts),
    });
    if (facts.token === undefined) break;
  }
  return steps;
}

/** Returns the rule that decides, or `undefined` if the token keeps every rule that could be applied. */
export const decidingRule = (steps: readonly RuleStep[]): TokenRuleId | undefined =>
  steps.find(({ passed }) => passed === false)?.rule;
