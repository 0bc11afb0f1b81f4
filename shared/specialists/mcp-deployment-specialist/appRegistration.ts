import { z } from 'zod';
import { type Task, defineTask } from '../../orchestration/tasks/task.ts';
import { issuerOf, keyIsOfIssuer } from '../../identity/tokens/verifyToken.ts';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { succeed } from '../../platform/base/result.ts';
import type { SpecialistDeps } from '../deps.ts';
import { fetchDocument } from '../fetchDocument.ts';
import { type Finding, verdict, verdictSchema } from '../finding.ts';
import { visibleTenants } from '../../identity/access/tenants.ts';

const WITHIN_MS = 6_000;

const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.string() });
const keysSchema = z.object({
  keys: z.array(z.object({ kty: z.string(), kid: z.string().optional(), issuer: z.string().optional() })),
});

/** What can be seen of the app registration without a right to read the directory. */
export function appRegistrationValidation(
  deps: Pick<SpecialistDeps, 'authority' | 'outbound' | 'config'>,
): Task {
  return defineTask({
    name: 'azure_app_registration_validation',
    permissions: ['system.read'],
    agent: 'mcp-deployment-specialist',
    description:
      'Holds the app registration that the settings name against the authority: of your tenant (for the first tenant: of each) its discovery document, the issuer in it, and keys that sign for that issuer. Says what cannot be seen without a right to read the directory.',
    timeoutMs: 15_000,
    input: z.strictObject({}),
    output: verdictSchema,
    async run(_, { signal, tenantId }) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(WITHIN_MS)]);
      const { authority, outbound, config } = deps;
      const tenants = visibleTenants(config, tenantId);
      const looks = await Promise.all(
        tenants.map((tenant, index) =>
          lookAtTenant({ id: tenant, place: index + 1 }, authority, outbound, limit),
        ),
      );
      const findings = [
        ...clientIdFindings(config.apiClientId),
        ...looks.flatMap(({ findings: found }) => found),
        unseen,
      ];
      const keys = looks.map((look) => look.keys);
      return succeed(
        verdict(findings, {
          authority: config.localIssuer === undefined ? 'Entra' : 'local issuer',
          tenants: tenants.length,
          signingKeys: keys,
        }),
      );
    },
  });
}

/** The settings take any GUID, one of a single digit too. */
const clientIdFindings = (clientId: string): readonly Finding[] =>
  new Set(clientId.replaceAll('-', '')).size === 1
    ? [
        {
          rule: 'client_id_placeholder',
          severity: 'critical',
          message: 'MREG_API_CLIENT_ID is a placeholder and the id of no app registration',
          evidence: { setting: 'MREG_API_CLIENT_ID' },
          remedy:
            'Set MREG_API_CLIENT_ID in both apps to the application (client) id of the app registration.',
        },
      ]
    : [];

const unseen: Finding = {
  rule: 'app_roles_not_seen',
  severity: 'info',
  message:
    'the app roles, the scope, the consent of each tenant and the token version of the registration cannot be seen without a right to read the directory',
  evidence: { looked: 'discovery documents and signing keys' },
  remedy:
    'See in the portal that the registration has the roles Gateway.Admin, Gateway.Operator, Gateway.Auditor and Gateway.User, the scope mcp.access, and requestedAccessTokenVersion 2.',
};

/** Told by its place in MREG_TENANTS: one tenant need not know which others there are. */
interface Tenant {
  readonly id: string;
  readonly place: number;
}

async function lookAtTenant(
  { id, place }: Tenant,
  authority: string,
  outbound: OutboundClient,
  signal: AbortSignal,
): Promise<{ readonly keys: number; readonly findings: readonly Finding[] }> {
  const critical = (rule: string, message: string, evidence: object, remedy: string) => ({
    keys: 0,
    findings: [{ rule, severity: 'critical' as const, message, evidence: { place, ...evidence }, remedy }],
  });
  const tenant = `tenant ${place} of MREG_TENANTS`;
  const issuer = issuerOf(authority, id);
  const discovery = await fetchDocument(
    `${issuer}/.well-known/openid-configuration`,
    discoverySchema,
    outbound,
    signal,
  );
  if (!discovery.value)
    return critical(
      'tenant_not_discovered',
      `the authority says nothing of ${tenant}: ${discovery.problem ?? ''}`,
      { why: discovery.problem },
      'See that MREG_TENANTS names a tenant that there is, and that the apps reach the authority.',
    );
  if (discovery.value.issuer !== issuer)
    return critical(
      'issuer_differs',
      `the authority names another issuer for ${tenant} than its tokens must have`,
      { wanted: '{authority}/{tenant id}/v2.0' },
      'See that MREG_TENANTS has the id of the tenant and not its domain, and that the authority is the one that signs.',
    );
  if (!discovery.value.jwks_uri.startsWith(`${authority}/`))
    return critical(
      'keys_elsewhere',
      `the keys of ${tenant} are not at the authority`,
      {},
      'Do not use a gateway whose authority refers to another for its keys, before it is known why.',
    );
  const found = await fetchDocument(discovery.value.jwks_uri, keysSchema, outbound, signal);
  if (!found.value)
    return critical(
      'keys_not_read',
      `the signing keys of ${tenant} cannot be read: ${found.problem ?? ''}`,
      { why: found.problem },
      'See that the apps reach the authority: without keys no token can be verified.',
    );
  const usable = found.value.keys.filter(
    (key) => key.kty === 'RSA' && key.kid !== undefined && keyIsOfIssuer(key, id, issuer),
  );
  if (usable.length === 0)
    return critical(
      'no_usable_key',
      `of ${found.value.keys.length} signing keys none is an RSA key for the issuer of ${tenant}`,
      { keys: found.value.keys.length },
      'Tokens of this tenant are refused until the authority has such a key.',
    );
  return { keys: usable.length, findings: [] };
}
