import { z } from 'zod';
import { type RuleStep, explainToken } from '../../identity/tokens/explainToken.ts';
import { roles } from '../../identity/access/actor.ts';
import { REQUIRED_SCOPE } from '../../identity/tokens/verifyToken.ts';
import { type Task, type TaskHelpers, defineTask } from '../../orchestration/tasks/task.ts';
import { succeed } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { type Finding, health, healthSchema, reportSchema, verdict, verdictSchema } from '../finding.ts';
import { visibleTenants } from '../../identity/access/tenants.ts';
import { withinTime } from '../withTimeout.ts';
import { type TenantLook, lookAtTenant } from './identityProvider.ts';

export type SetupDeps = Pick<SpecialistDeps, 'config' | 'authority' | 'outbound' | 'trail'>;

const nothing = z.strictObject({});
const common = { agent: 'mcp-security-auditor', input: nothing } as const;

/** What the issuer says of each tenant that the caller may know of. */
export const lookAtTenants = (
  { config, ...deps }: Pick<SetupDeps, 'config' | 'authority' | 'outbound'>,
  { tenantId, signal }: Pick<TaskHelpers, 'tenantId' | 'signal'>,
): Promise<readonly TenantLook[]> =>
  Promise.all(visibleTenants(config, tenantId).map((tenant) => lookAtTenant(tenant, deps, signal)));

const looksOf = (looks: readonly TenantLook[]) => ({
  tenants: looks.map(({ evidence }) => evidence),
});

/** The Entra configuration as the app expects it, for people who set it up. */
export const azureOauthSetup = (deps: SetupDeps): Task =>
  defineTask({
    ...common,
    name: 'azure_oauth_setup',
    permissions: ['system.read', 'audit.read'],
    description:
      'Reads what the token issuer publishes for your tenant (for the first tenant: for each tenant of the settings) and compares it, the token of the session and the recent refusals with what the app expects: issuer, keys, audience, scope and roles.',
    timeoutMs: 30_000,
    output: reportSchema,
    async run(_, helpers) {
      const [looks, token, refusals] = await Promise.all([
        lookAtTenants(deps, helpers),
        tokenFindings(deps, helpers),
        refusalFindings(deps, helpers),
      ]);
      const { apiClientId, localIssuer } = deps.config;
      const findings = [...looks.flatMap((look) => look.findings), ...token, ...refusals];
      const wrong = findings.filter(({ severity }) => severity !== 'info').length;
      return succeed({
        summary:
          wrong === 0
            ? `What the issuer publishes for ${looks.length} tenants is what the app expects.`
            : `${wrong} things about sign-in are not as the app expects them.`,
        facts: {
          issuerIs: localIssuer === undefined ? 'Microsoft Entra ID' : 'the local issuer, for development',
          audience: apiClientId,
          scope: `api://${apiClientId}/${REQUIRED_SCOPE}`,
          appRoles: roles.map((role) => `Gateway.${role}`),
          ...looksOf(looks),
        },
        findings,
      });
    },
  });

export const azureOauthValidation = (deps: SetupDeps): Task =>
  defineTask({
    ...common,
    name: 'azure_oauth_validation',
    permissions: ['system.read'],
    description:
      'Passes when the token issuer answers for your tenant (for the first tenant: for each tenant of the settings) with the right issuer and at least one key that can sign tokens for it, and the token of the session, if it is kept, is for this app.',
    timeoutMs: 20_000,
    output: verdictSchema,
    async run(_, helpers) {
      const [looks, token] = await Promise.all([lookAtTenants(deps, helpers), tokenFindings(deps, helpers)]);
      return succeed(verdict([...looks.flatMap(({ findings }) => findings), ...token], looksOf(looks)));
    },
  });

export const azureConnectivity = (deps: SetupDeps): Task =>
  defineTask({
    ...common,
    name: 'validate_azure_connectivity',
    permissions: ['system.read'],
    description:
      'Fetches the discovery document and the signing keys of your tenant (for the first tenant: of each tenant of the settings) and says how long that took and what is wrong with them.',
    timeoutMs: 15_000,
    output: healthSchema,
    async run(_, helpers) {
      const looks = await lookAtTenants(deps, helpers);
      return succeed(
        health(
          looks.flatMap(({ findings }) => findings),
          looksOf(looks),
        ),
      );
    },
  });

/** Rules that tell of the app registration and the settings, and not of one token. */
const setupRules = {
  tenant: 'Add the tenant to MREG_TENANTS of this app, where it may sign in.',
  audience:
    'Set MREG_API_CLIENT_ID of both apps to the client id of the app registration that tokens are for.',
  issuer: 'Both apps must have the same issuer: compare their settings.',
  version: 'Set requestedAccessTokenVersion to 2 in the manifest of the app registration.',
  scope: `Expose the scope ${REQUIRED_SCOPE} in the app registration, and let the client ask for it.`,
  role: 'Assign an app role of this gateway to the user or the app.',
} as const satisfies Partial<Record<RuleStep['rule'], string>>;
const isSetupRule = (rule: string): rule is keyof typeof setupRules => Object.hasOwn(setupRules, rule);

/** How the token of the session fits the settings of this app. */
async function tokenFindings(
  { config, authority }: SetupDeps,
  { token, clock }: TaskHelpers,
): Promise<readonly Finding[]> {
  const kept = await token();
  if (kept === undefined)
    return [
      {
        rule: 'token_not_kept',
        severity: 'info',
        message: 'no token was compared with the settings: there is no session that keeps its token',
        evidence: {},
        remedy: 'Open a session with {"keepToken": true} and name it, to have its token looked at.',
      },
    ];
  const rules = { authority, audience: config.apiClientId, tenants: config.tenants };
  const steps = await explainToken(kept, rules, undefined, clock.now());
  return steps.flatMap(({ rule, passed, saw, wanted }): Finding[] =>
    passed === false && isSetupRule(rule)
      ? [
          {
            rule: `token_${rule}`,
            severity: 'critical',
            message: `the token of the session does not fit the settings of this app: its ${rule} is not the one that is expected`,
            evidence: { saw, wanted },
            remedy: setupRules[rule],
          },
        ]
      : [],
  );
}

const LOOK_BACK_MS = 24 * 3_600_000;
const TRAIL_WITHIN_MS = 10_000;
const MAX_REFUSALS = 100;

/** Reasons of refused tokens that an app registration or a setting causes, each with what to do. */
const refusalRemedies = {
  wrong_audience: setupRules.audience,
  no_scope: setupRules.scope,
  no_role: setupRules.role,
} as const;

async function refusalFindings(
  { trail }: SetupDeps,
  { tenantId, clock, signal }: TaskHelpers,
): Promise<readonly Finding[]> {
  const from = new Date(clock.now().getTime() - LOOK_BACK_MS);
  const read = await withinTime(TRAIL_WITHIN_MS, signal, () =>
    Promise.all(
      Object.entries(refusalRemedies).map(async ([reason, remedy]) => {
        const query = { action: 'sign_in', resource: reason, from };
        const { rows, after } = await trail.records(tenantId, query, MAX_REFUSALS);
        return { reason, remedy, count: rows.length, more: after !== undefined };
      }),
    ),
  );
  if (!read.ok)
    return [
      {
        rule: 'refusals_unread',
        severity: 'warning',
        message: `recent refusals were not looked at: ${read.error.message}`,
        evidence: { kind: read.error.kind },
        remedy: 'Look at the storage account of the gateway, then ask again.',
      },
    ];
  return read.value
    .filter(({ count }) => count > 0)
    .map(({ reason, remedy, count, more }) => ({
      rule: 'tokens_refused',
      severity: 'warning',
      message: `in the last day ${more ? 'more than ' : ''}${count} tokens were refused as ${reason}`,
      evidence: { reason, count, since: from.toISOString() },
      remedy,
    }));
}
