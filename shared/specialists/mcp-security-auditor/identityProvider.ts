import * as z from 'zod';
import { issuerOf, keyIsOfIssuer, keysUrl, type PublishedKey } from '../../identity/tokens/signingKeys.ts';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { fetchDocument, type Fetched } from '../callEndpoint.ts';
import { defineFindings, type Finding } from '../finding.ts';
import { finding as sharedFinding } from './findings.ts';

/** Timeout for a document of the issuer. */
export const DOCUMENT_WITHIN_MS = 5_000;
/** Above this time sign-in works, but every user waits. */
const SLOW_MS = 3_000;

export interface ProviderDeps {
  readonly authority: string;
  readonly outbound: OutboundClient;
}

/** What the issuer publishes for one tenant, and what is wrong with it. */
export interface InspectedTenant {
  readonly tenant: string;
  readonly discovery?: Document;
  /** The keys that the app itself would fetch; undefined if they could not be fetched. */
  readonly keys?: readonly PublishedKey[];
  readonly findings: readonly Finding[];
  readonly evidence: Readonly<Record<string, unknown>>;
}

interface OfTenant {
  readonly tenant: string;
  readonly [fact: string]: unknown;
}
const finding = defineFindings({
  discovery_unreachable: ({ problem, ...facts }: OfTenant & { problem: string }) => ({
    severity: 'critical',
    message: `tenant ${facts.tenant}: the discovery document of its issuer cannot be fetched: ${problem}`,
    evidence: facts,
    remedy: 'Check that the tenant exists, and that the app can reach the issuer over https.',
  }),
  issuer_mismatch: ({ tenant }: OfTenant) => ({
    severity: 'critical',
    message: `tenant ${tenant}: its discovery document names another issuer than tokens must have`,
    remedy: 'Use the tenant id in MREG_TENANTS, not a domain or "common". Clients reject such an issuer too.',
  }),
  keys_elsewhere: ({ tenant }: OfTenant) => ({
    severity: 'warning',
    message: `tenant ${tenant}: its discovery document names another URL for keys than the app uses`,
    remedy:
      'Remove the custom signing key of the app registration: the app only accepts the keys of the tenant.',
  }),
  signing_algorithm: ({ tenant }: OfTenant) => ({
    severity: 'critical',
    message: `tenant ${tenant}: its issuer does not sign with RS256, the only algorithm that the app accepts`,
    remedy: 'Use an issuer that signs with RS256, as Entra does.',
  }),
  no_usable_key: ({ tenant }: OfTenant) => ({
    severity: 'critical',
    message: `tenant ${tenant}: none of its published keys is an RSA key for signatures of its issuer`,
    remedy: 'Check the keys of the issuer: each key must name the issuer whose tokens it signs.',
  }),
  issuer_slow: ({ slowestMs, ...facts }: OfTenant & { slowestMs: number }) => ({
    severity: 'warning',
    message: `tenant ${facts.tenant}: its issuer took ${slowestMs} ms for a document`,
    evidence: facts,
    remedy:
      'Check the network to the issuer (DNS, proxy, firewall): the first sign-in after a key change waits for it.',
  }),
});

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

/** Fetches the signing keys that the issuer publishes for a tenant now, without any cache. */
export async function publishedKeys(
  tenant: string,
  deps: ProviderDeps,
  signal: AbortSignal,
): Promise<Fetched<readonly PublishedKey[]>> {
  const { value, ...rest } = await fetchOwn(keysUrl(deps.authority, tenant), keysSchema, deps, signal);
  return { ...rest, ...(value && { value: value.keys }) };
}

/** Reads the discovery document and the keys of a tenant as the app and its clients do, and checks both. */
export async function inspectTenant(
  tenant: string,
  deps: ProviderDeps,
  signal: AbortSignal,
): Promise<InspectedTenant> {
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
  const findings: Finding[] = [];
  if (discovery.problem !== undefined)
    findings.push(finding('discovery_unreachable', { ...evidence, problem: discovery.problem }));
  if (discovery.value && discovery.value.issuer !== issuer)
    findings.push(finding('issuer_mismatch', { ...evidence, expected: issuer }));
  if (discovery.value && discovery.value.jwks_uri !== keysUrl(authority, tenant))
    findings.push(finding('keys_elsewhere', { ...evidence, keysAt: discovery.value.jwks_uri.slice(0, 200) }));
  const algorithms = discovery.value?.id_token_signing_alg_values_supported;
  if (algorithms && !algorithms.includes('RS256'))
    findings.push(finding('signing_algorithm', { ...evidence, algorithms: algorithms.slice(0, 10) }));
  if (keys.problem !== undefined)
    findings.push(sharedFinding('keys_unreachable', { ...evidence, problem: keys.problem }));
  else if (usable.length === 0) findings.push(finding('no_usable_key', evidence));
  const slowestMs = Math.max(discovery.durationMs ?? 0, keys.durationMs ?? 0);
  if (slowestMs > SLOW_MS) findings.push(finding('issuer_slow', { ...evidence, slowestMs }));
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
