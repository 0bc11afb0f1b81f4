import { REFRESH_AFTER_MINUTES } from '../../identity/limits.ts';
import type { RuleStep } from '../../identity/tokens/explainToken.ts';
import { tokenRule } from '../../identity/tokens/tokenRules.ts';
import { defineFindings, type Finding, type RuleText } from '../finding.ts';

/** The verdict of the app on a token. */
export type TokenVerdict = 'accepted' | 'refused' | 'unknown';

type BrokenRule = RuleStep & { readonly verdict?: TokenVerdict };

const brokenRule =
  (severity: Finding['severity']) =>
  ({ rule, saw, wanted, verdict }: BrokenRule): RuleText => ({
    severity,
    message:
      verdict === 'accepted'
        ? `the app still accepts the token although it breaks the rule "${rule}" by the keys that are published now: the app fetches keys once a day, and trusts a verified token for ${REFRESH_AFTER_MINUTES} minutes`
        : `the token of the session breaks the rule "${rule}"`,
    evidence: { saw, wanted, ...(verdict && { verdict }) },
    remedy: tokenRule(rule).remedy,
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
  token_tenant: brokenRule('critical'),
  token_issuer: brokenRule('critical'),
  token_audience: brokenRule('critical'),
  token_version: brokenRule('critical'),
  token_scope: brokenRule('critical'),
  token_role: brokenRule('critical'),
  // Rules that depend on this token alone.
  token_form: brokenRule('warning'),
  token_algorithm: brokenRule('warning'),
  token_key: brokenRule('warning'),
  token_signature: brokenRule('warning'),
  token_type: brokenRule('warning'),
  token_claims: brokenRule('warning'),
  token_not_before: brokenRule('warning'),
  token_expiry: brokenRule('warning'),
  token_key_issuer: brokenRule('warning'),
});

export const OUT_OF_SERVICE = 'Take the app out of service until it rejects such a token again.';
