import type { RuleStep, TokenRule } from '../../identity/tokens/explainToken.ts';
import { REFRESH_AFTER_MINUTES } from '../../identity/tokens/cachedVerifier.ts';
import { REQUIRED_SCOPE } from '../../identity/tokens/verifyToken.ts';
import { type Finding, type RuleText, defineFindings } from '../finding.ts';

/** The verdict of the app on a token. */
export type TokenVerdict = 'accepted' | 'refused' | 'unknown';

type BrokenRule = RuleStep & { readonly verdict?: TokenVerdict };

/** What to do about a token that breaks a rule. */
const tokenRemedies: Partial<Record<TokenRule, string>> = {
  tenant: 'Add the tenant to MREG_TENANTS of this app, if it may sign in.',
  key: 'Sign in again: the issuer has changed its keys, and signs new tokens with the new key.',
  signature: 'Treat the token as forged: the issuer did not sign it. Find out where it came from.',
  issuer: 'Get the token from the issuer of the settings. Both apps must have the same issuer.',
  audience:
    'Get a token for the client id of this gateway, or set MREG_API_CLIENT_ID of both apps to the client id of the app registration.',
  not_before: 'Correct the clock of the machine: the token is not valid yet.',
  expiry: 'Sign in again: the token has expired.',
  version: 'Set requestedAccessTokenVersion to 2 in the manifest of the app registration.',
  scope: `Expose the scope ${REQUIRED_SCOPE} in the app registration, and let the client request it.`,
  role: 'Assign an app role of this gateway to the user or the app.',
};
export const tokenRemedy = (rule: TokenRule): string =>
  tokenRemedies[rule] ?? 'Get a new token from the issuer of the settings.';

const tokenRule =
  (severity: Finding['severity']) =>
  ({ rule, saw, wanted, verdict }: BrokenRule): RuleText => ({
    severity,
    message:
      verdict === 'accepted'
        ? `the app still accepts the token although it breaks the rule "${rule}" by the keys that are published now: the app fetches keys once a day, and trusts a verified token for ${REFRESH_AFTER_MINUTES} minutes`
        : `the token of the session breaks the rule "${rule}"`,
    evidence: { saw, wanted, ...(verdict && { verdict }) },
    remedy: tokenRemedy(rule),
  });

/** The rules about tokens and keys that several tasks of this agent use. */
export const finding = defineFindings({
  keys_unreachable: ({
    problem,
    ...facts
  }: {
    problem: string;
    tenant: string;
    [fact: string]: unknown;
  }) => ({
    severity: 'critical',
    message: `tenant ${facts.tenant}: its signing keys cannot be fetched: ${problem}`,
    evidence: { problem, ...facts },
    remedy:
      'Check that the app can reach the issuer. Until then only tokens whose keys the app has already fetched are accepted.',
  }),
  app_unreachable: ({
    request,
    problem,
    ...facts
  }: {
    request: string;
    problem: string;
    [fact: string]: unknown;
  }) => ({
    severity: 'critical',
    message: `${request} was not tested over HTTP: ${problem}`,
    evidence: { ...facts, problem },
    remedy: 'Check that the app runs, and that its origin in the settings is the address where it answers.',
  }),
  refusals_unread: ({ reason }: { reason: string }) => ({
    severity: 'warning',
    message: `the refusals could not be read: ${reason}`,
    remedy: 'Check the storage account of the gateway, then run audit_trail_analysis.',
  }),
  broken_token_accepted: ({ rule, saw, wanted }: BrokenRule) => ({
    severity: 'critical',
    message: `the app accepts the token although it breaks the rule "${rule}"`,
    evidence: { rule, saw, wanted, verdict: 'accepted' },
    remedy: OUT_OF_SERVICE,
  }),
  // Rules that depend on the settings of the app: no user of the tenant can sign in.
  token_tenant: tokenRule('critical'),
  token_issuer: tokenRule('critical'),
  token_audience: tokenRule('critical'),
  token_version: tokenRule('critical'),
  token_scope: tokenRule('critical'),
  token_role: tokenRule('critical'),
  // Rules that depend on this token alone.
  token_form: tokenRule('warning'),
  token_algorithm: tokenRule('warning'),
  token_key: tokenRule('warning'),
  token_signature: tokenRule('warning'),
  token_type: tokenRule('warning'),
  token_claims: tokenRule('warning'),
  token_not_before: tokenRule('warning'),
  token_expiry: tokenRule('warning'),
  token_key_issuer: tokenRule('warning'),
});

export const OUT_OF_SERVICE = 'Take the app out of service until it rejects such a token again.';
