import * as z from 'zod';
import { isAccessRefusal } from '../../audit/model/record.ts';
import { roles } from '../../identity/access/actor.ts';
import { visibleTenants } from '../../identity/access/tenants.ts';
import { explainToken } from '../../identity/tokens/explainToken.ts';
import { appIdUriOf, scopeOf } from '../../identity/tokens/refusals.ts';
import { resourceOfToken } from '../../identity/tokens/resources.ts';
import { tokenSettingsOf } from '../../identity/tokens/tokenFacts.ts';
import { tokenRule, type TokenRuleId } from '../../identity/tokens/tokenRules.ts';
import type { Task, TaskHelpers } from '../../orchestration/tasks/task.ts';
import { tokenNotKept } from '../checkEndpoints.ts';
import type { SpecialistDeps } from '../deps.ts';
import { defineFindings, type Finding, problemsIn } from '../finding.ts';
import { inspectionsOf } from '../inspection.ts';
import { readRecords } from '../readRecords.ts';
import { withTimeout } from '../withTimeout.ts';
import { finding as sharedFinding } from './findings.ts';
import { inspectTenant } from './identityProvider.ts';

export type SetupDeps = Pick<SpecialistDeps, 'config' | 'authority' | 'outbound' | 'trail'>;

const finding = defineFindings({
  tokens_refused: ({ count, isMore, rule, ...facts }: RefusedTokens) => ({
    severity: 'warning',
    message: `in the last day ${isMore ? 'more than ' : ''}${count} tokens were rejected as ${facts.reason}`,
    evidence: { count, ...facts },
    remedy: tokenRule(rule).remedy,
  }),
});
interface RefusedTokens {
  readonly reason: string;
  readonly rule: TokenRuleId;
  readonly count: number;
  readonly isMore: boolean;
  readonly since: string;
}

const { gateCheck, healthCheck, report } = inspectionsOf('mcp-security-auditor');

/** Inspects what the issuer publishes for each tenant that the caller may know. */
async function inspectTenants(
  { config, ...deps }: SetupDeps,
  { tenantId, signal }: TaskHelpers,
): Promise<{
  readonly facts: { readonly tenants: readonly object[] };
  readonly findings: readonly Finding[];
}> {
  const tenants = await Promise.all(
    visibleTenants(config, tenantId).map((tenant) => inspectTenant(tenant, deps, signal)),
  );
  return {
    facts: { tenants: tenants.map(({ evidence }) => evidence) },
    findings: tenants.flatMap(({ findings }) => findings),
  };
}

/** Reports on the Entra configuration, for people who set it up. */
export const azureOauthSetup = (deps: SetupDeps): Task =>
  report({
    name: 'azure_oauth_setup',
    permissions: ['system.read', 'audit.read'],
    description:
      'Reads what the token issuer publishes for your tenant (for the first tenant: for each tenant of the settings), and compares it, the token of the session and the recent refusals with what the app expects: issuer, keys, audience, scope and roles.',
    timeoutMs: 30_000,
    input: z.strictObject({}),
    async inspect(_, helpers) {
      const [issuer, token, refusals] = await Promise.all([
        inspectTenants(deps, helpers),
        tokenFindings(deps, helpers),
        refusalFindings(deps, helpers),
      ]);
      const { apiClientId, localIssuer, publicOrigin } = deps.config;
      const endpoint = `${publicOrigin}/mcp`;
      const findings = [...issuer.findings, ...token, ...refusals];
      const problems = problemsIn(findings).length;
      return {
        summary:
          problems === 0
            ? `What the issuer publishes for ${issuer.facts.tenants.length} tenants is what the app expects.`
            : `${problems} settings of sign-in differ from what the app expects.`,
        facts: {
          issuerIs: localIssuer === undefined ? 'Microsoft Entra ID' : 'the local issuer, for development',
          audience: apiClientId,
          scope: scopeOf(endpoint),
          identifierUris: [appIdUriOf(apiClientId), endpoint],
          appRoles: roles.map((role) => `Gateway.${role}`),
          ...issuer.facts,
        },
        findings,
      };
    },
  });

export const azureOauthValidation = (deps: SetupDeps): Task =>
  gateCheck({
    name: 'azure_oauth_validation',
    description:
      'Passes when the token issuer answers for your tenant (for the first tenant: for each tenant of the settings) with the right issuer and at least one key that can sign tokens for it, and the token of the session, if it is kept, is for this app.',
    timeoutMs: 20_000,
    async inspect(_, helpers) {
      const [issuer, token] = await Promise.all([
        inspectTenants(deps, helpers),
        tokenFindings(deps, helpers),
      ]);
      return { facts: issuer.facts, findings: [...issuer.findings, ...token] };
    },
  });

export const azureConnectivity = (deps: SetupDeps): Task =>
  healthCheck({
    name: 'validate_azure_connectivity',
    description:
      'Fetches the discovery document and the signing keys of your tenant (for the first tenant: of each tenant of the settings), and reports how long that took and what is wrong with them.',
    timeoutMs: 15_000,
    inspect: (_, helpers) => inspectTenants(deps, helpers),
  });

/** The token rules that depend on the app registration and the settings, not on one token. */
const setupRules: readonly TokenRuleId[] = ['tenant', 'audience', 'issuer', 'version', 'scope', 'role'];

/** Returns how the token of the session differs from the settings of this app. */
async function tokenFindings(
  { config, authority }: SetupDeps,
  { token, clock }: TaskHelpers,
): Promise<readonly Finding[]> {
  const kept = await token();
  if (kept === undefined) return [tokenNotKept('the token of the session')];
  const reading = {
    settings: tokenSettingsOf(config, authority),
    resource: resourceOfToken(kept, config),
    now: clock.now(),
  };
  const steps = await explainToken(kept, reading, undefined);
  return steps
    .filter(({ rule, passed }) => passed === false && setupRules.includes(rule))
    .map((step) => sharedFinding(`token_${step.rule}`, step));
}

const LOOK_BACK_MS = 24 * 3_600_000;
const TRAIL_WITHIN_MS = 10_000;
const MAX_REFUSALS = 100;

/** Reasons to reject tokens that the app registration or a setting causes, each with the rule that explains it. */
const setupRefusals = { wrong_audience: 'audience', no_scope: 'scope', no_role: 'role' } as const;

async function refusalFindings(
  { trail }: SetupDeps,
  { tenantId, clock, signal }: TaskHelpers,
): Promise<readonly Finding[]> {
  const from = new Date(clock.now().getTime() - LOOK_BACK_MS);
  const read = await withTimeout(TRAIL_WITHIN_MS, signal, (own) =>
    Promise.all(
      Object.entries(setupRefusals).map(async ([reason, rule]) => {
        const query = { action: 'sign_in', resource: reason, from };
        const reading = { limit: MAX_REFUSALS, signal: own };
        const { records, cutAt } = await readRecords(trail, tenantId, query, reading);
        return { reason, rule, count: records.filter(isAccessRefusal).length, isMore: cutAt !== undefined };
      }),
    ),
  );
  if (!read.ok) return [sharedFinding('refusals_unread', { reason: read.error.message })];
  const since = from.toISOString();
  return read.value
    .filter(({ count }) => count > 0)
    .map((refusals) => finding('tokens_refused', { ...refusals, since }));
}
