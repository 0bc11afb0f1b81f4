import * as z from 'zod';
import { visibleTenants } from '../../identity/access/tenants.ts';
import { issuerOf, keyIsOfIssuer } from '../../identity/tokens/signingKeys.ts';
import type { Task } from '../../orchestration/tasks/task.ts';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { fetchDocument } from '../callEndpoint.ts';
import type { SpecialistDeps } from '../deps.ts';
import { defineFindings, type Finding } from '../finding.ts';
import { inspectionsOf } from '../inspection.ts';

const WITHIN_MS = 6_000;

const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.string() });
const keysSchema = z.object({
  keys: z.array(z.object({ kty: z.string(), kid: z.string().optional(), issuer: z.string().optional() })),
});

/** A tenant is named by its place in MREG_TENANTS: a tenant need not know which others there are. */
interface Place {
  readonly place: number;
}
interface Unfetched extends Place {
  readonly why: string | undefined;
}
const nameOf = ({ place }: Place): string => `tenant ${place} of MREG_TENANTS`;

const finding = defineFindings({
  client_id_placeholder: {
    severity: 'critical',
    message: 'MREG_API_CLIENT_ID is a placeholder and not the id of an app registration',
    remedy: 'Set MREG_API_CLIENT_ID in both apps to the application (client) id of the app registration.',
  },
  app_roles_not_seen: {
    severity: 'info',
    message:
      'the app roles, the scope, the consent of each tenant and the token version of the registration cannot be seen without a permission to read the directory',
    evidence: { looked: 'discovery documents and signing keys' },
    remedy:
      'Check in the portal that the registration has the roles Gateway.Admin, Gateway.Operator, Gateway.Auditor and Gateway.User, the scope mcp.access, and requestedAccessTokenVersion 2.',
  },
  tenant_not_discovered: (facts: Unfetched) => ({
    severity: 'critical',
    message: `the authority has no discovery document for ${nameOf(facts)}: ${facts.why ?? ''}`,
    remedy: 'Check that MREG_TENANTS names an existing tenant, and that the apps reach the authority.',
  }),
  issuer_differs: (facts: Place) => ({
    severity: 'critical',
    message: `the authority names another issuer for ${nameOf(facts)} than its tokens must have`,
    evidence: { ...facts, wanted: '{authority}/{tenant id}/v2.0' },
    remedy:
      'Check that MREG_TENANTS has the id of the tenant and not its domain, and that the authority is the one that signs its tokens.',
  }),
  keys_elsewhere: (facts: Place) => ({
    severity: 'critical',
    message: `the signing keys of ${nameOf(facts)} are not at the authority`,
    remedy: 'Find out why the authority refers to another host for its keys before anyone uses this gateway.',
  }),
  keys_not_read: (facts: Unfetched) => ({
    severity: 'critical',
    message: `the signing keys of ${nameOf(facts)} cannot be read: ${facts.why ?? ''}`,
    remedy: 'Check that the apps reach the authority: no token can be verified without keys.',
  }),
  no_usable_key: (facts: Place & { readonly keys: number }) => ({
    severity: 'critical',
    message: `none of ${facts.keys} signing keys is an RSA key for the issuer of ${nameOf(facts)}`,
    remedy: 'Wait until the authority publishes such a key: tokens of this tenant are refused before that.',
  }),
});

const { gateCheck } = inspectionsOf('mcp-deployment-specialist');

/** Checks what can be seen of the app registration without a permission to read the directory. */
export const appRegistrationValidation = ({
  authority,
  outbound,
  config,
}: Pick<SpecialistDeps, 'authority' | 'outbound' | 'config'>): Task =>
  gateCheck({
    name: 'azure_app_registration_validation',
    description:
      'Compares the app registration that the settings name with the authority: for your tenant (for the first tenant: for each) its discovery document, the issuer in it, and keys that sign for that issuer. Says what cannot be seen without a permission to read the directory.',
    timeoutMs: 15_000,
    async inspect(_, { signal, tenantId }) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(WITHIN_MS)]);
      const tenants = visibleTenants(config, tenantId);
      const inspected = await Promise.all(
        tenants.map((id, index) => inspectTenant(id, index + 1, authority, outbound, limit)),
      );
      // The settings accept any GUID, also one of a single digit.
      const isPlaceholder = new Set(config.apiClientId.replaceAll('-', '')).size === 1;
      return {
        facts: {
          authority: config.localIssuer === undefined ? 'Entra' : 'local issuer',
          tenants: tenants.length,
          signingKeys: inspected.map((tenant) => (typeof tenant === 'number' ? tenant : 0)),
        },
        findings: [
          ...(isPlaceholder ? [finding('client_id_placeholder', { setting: 'MREG_API_CLIENT_ID' })] : []),
          ...inspected.filter((tenant) => typeof tenant !== 'number'),
          finding('app_roles_not_seen', {}),
        ],
      };
    },
  });

/** Returns how many keys of the tenant can be used, or why none can. */
async function inspectTenant(
  id: string,
  place: number,
  authority: string,
  outbound: OutboundClient,
  signal: AbortSignal,
): Promise<number | Finding> {
  const issuer = issuerOf(authority, id);
  const discoveryUrl = `${issuer}/.well-known/openid-configuration`;
  const discovery = await fetchDocument(discoveryUrl, discoverySchema, outbound, signal);
  if (!discovery.value) return finding('tenant_not_discovered', { place, why: discovery.problem });
  if (discovery.value.issuer !== issuer) return finding('issuer_differs', { place });
  if (!discovery.value.jwks_uri.startsWith(`${authority}/`)) return finding('keys_elsewhere', { place });
  const found = await fetchDocument(discovery.value.jwks_uri, keysSchema, outbound, signal);
  if (!found.value) return finding('keys_not_read', { place, why: found.problem });
  const { keys } = found.value;
  const usable = keys.filter(
    (key) => key.kty === 'RSA' && key.kid !== undefined && keyIsOfIssuer(key, id, issuer),
  );
  return usable.length > 0 ? usable.length : finding('no_usable_key', { place, keys: keys.length });
}
