import { z } from 'zod';
import type { PublishedKey } from '../../identity/tokens/explainToken.ts';
import { issuerOf, keyIsOfIssuer, keysUrl } from '../../identity/tokens/verifyToken.ts';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { type Fetched, fetchDocument } from '../fetchDocument.ts';
import type { Finding } from '../finding.ts';

/** A document of the issuer that has not come by then counts as not to be had. */
export const DOCUMENT_WITHIN_MS = 5_000;
/** Sign-in works, and everyone waits for it. */
const SLOW_MS = 3_000;

export interface ProviderDeps {
  readonly authority: string;
  readonly outbound: OutboundClient;
}

/** What the issuer says of one tenant. */
export interface TenantLook {
  readonly tenant: string;
  readonly discovery?: Document;
  /** Those that the app itself would fetch; undefined where they could not be had. */
  readonly keys?: readonly PublishedKey[];
  readonly findings: readonly Finding[];
  readonly evidence: Readonly<Record<string, unknown>>;
}

const discoverySchema = z.looseObject({
  issuer: z.string(),
  jwks_uri: z.string(),
  id_token_signing_alg_values_supported: z.array(z.string()).optional(),
  authorization_endpoint: z.string().optional(),
  token_endpoint: z.string().optional(),
});
type Document = z.infer<typeof discoverySchema>;
const keysSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })) });

const fetchOwn = <T>(url: string, schema: z.ZodType<T>, { outbound }: ProviderDeps, signal: AbortSignal) =>
  fetchDocument(url, schema, outbound, AbortSignal.any([signal, AbortSignal.timeout(DOCUMENT_WITHIN_MS)]));

/** The signing keys that the issuer publishes for a tenant now, past every cache. */
export async function publishedKeys(
  tenant: string,
  deps: ProviderDeps,
  signal: AbortSignal,
): Promise<Fetched<readonly PublishedKey[]>> {
  const { value, ...rest } = await fetchOwn(keysUrl(deps.authority, tenant), keysSchema, deps, signal);
  return { ...rest, ...(value && { value: value.keys }) };
}

/** Reads the discovery document and the keys of a tenant as the app and its clients do, and judges both. */
export async function lookAtTenant(
  tenant: string,
  deps: ProviderDeps,
  signal: AbortSignal,
): Promise<TenantLook> {
  const { authority } = deps;
  const issuer = issuerOf(authority, tenant);
  const [discovery, keys] = await Promise.all([
    fetchOwn(`${issuer}/.well-known/openid-configuration`, discoverySchema, deps, signal),
    publishedKeys(tenant, deps, signal),
  ]);
  const usable = keys.value?.filter((key) => isUsable(key, tenant, issuer)) ?? [];
  const evidence = {
    tenant,
    issuer: discovery.value?.issuer ?? null,
    discoveryMs: discovery.durationMs ?? null,
    keysMs: keys.durationMs ?? null,
    keys: keys.value?.length ?? null,
    usableKeys: usable.length,
  };
  const say = (
    rule: string,
    severity: Finding['severity'],
    message: string,
    remedy: string,
    more: object = {},
  ): Finding => ({
    rule,
    severity,
    message: `tenant ${tenant}: ${message}`,
    evidence: { ...evidence, ...more },
    remedy,
  });
  const findings: Finding[] = [];
  if (discovery.problem !== undefined)
    findings.push(
      say(
        'discovery_unreachable',
        'critical',
        `the discovery document of its issuer cannot be had: ${discovery.problem}`,
        'Check that the tenant exists and that the app may reach the issuer over https.',
      ),
    );
  if (discovery.value && discovery.value.issuer !== issuer)
    findings.push(
      say(
        'issuer_mismatch',
        'critical',
        'its discovery document names another issuer than tokens must have',
        'Take the tenant id, not a domain or "common", into MREG_TENANTS; clients refuse such an issuer too.',
        { expected: issuer },
      ),
    );
  if (discovery.value && discovery.value.jwks_uri !== keysUrl(authority, tenant))
    findings.push(
      say(
        'keys_elsewhere',
        'warning',
        'its discovery document names another address of keys than the one that the app fetches',
        'Take back the custom signing key of the app registration: the app goes by the keys of the tenant.',
        { keysAt: discovery.value.jwks_uri.slice(0, 200) },
      ),
    );
  const algorithms = discovery.value?.id_token_signing_alg_values_supported;
  if (algorithms && !algorithms.includes('RS256'))
    findings.push(
      say(
        'signing_algorithm',
        'critical',
        'its issuer does not sign with RS256, the only algorithm that the app accepts',
        'Use an issuer that signs with RS256, as Entra does.',
        { algorithms: algorithms.slice(0, 10) },
      ),
    );
  if (keys.problem !== undefined)
    findings.push(
      say(
        'keys_unreachable',
        'critical',
        `its signing keys cannot be had: ${keys.problem}`,
        'Check that the app may reach the issuer; until it does, only tokens of keys that it fetched before pass.',
      ),
    );
  else if (usable.length === 0)
    findings.push(
      say(
        'no_usable_key',
        'critical',
        'none of its published keys is an RSA key for the signatures of its issuer',
        'Check the keys of the issuer: each must name the issuer whose tokens it signs.',
      ),
    );
  const slowest = Math.max(discovery.durationMs ?? 0, keys.durationMs ?? 0);
  if (slowest > SLOW_MS)
    findings.push(
      say(
        'issuer_slow',
        'warning',
        `its issuer took ${slowest} ms for a document`,
        'Look at the way to the issuer (DNS, proxy, firewall): the first sign-in after a key change waits for it.',
      ),
    );
  return {
    tenant,
    ...(discovery.value && { discovery: discovery.value }),
    ...(keys.value && { keys: keys.value }),
    findings,
    evidence,
  };
}

const isUsable = (key: PublishedKey, tenant: string, issuer: string): boolean =>
  key.kty === 'RSA' &&
  typeof key.kid === 'string' &&
  (key.use === undefined || key.use === 'sig') &&
  keyIsOfIssuer(key, tenant, issuer);
