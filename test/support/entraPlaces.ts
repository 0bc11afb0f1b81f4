import tls from 'node:tls';
import { UnsecuredJWT } from 'jose';
import {
  apiClientId,
  defaultTenant,
  localClientSecret,
  localOrigin,
  portsFor,
  signInClientId,
} from '../../infra/local/defaults.ts';
import { startIssuer } from '../../infra/local/issuer/issuer.ts';
import type { AppIdentity } from '../../shared/platform/managedIdentity/appIdentity.ts';
import { openOutboundClient, type OutboundClient } from '../../shared/platform/outbound/outboundClient.ts';
import { makeCertificate } from './certificate.ts';
import { personNamed } from './choosePerson.ts';
import { ENTRA, standInUsers, startStandInEntra } from './standInEntra.ts';
import { tlsFront } from './tlsFront.ts';

/** Where people sign in, with a registration of the gateway. */
export interface EntraPlace {
  /** The origin that the issuer has by its own word. */
  readonly authority: string;
  /** Returns the URL at which the test reaches a URL of the authority. */
  readonly reached: (url: string) => string;
  readonly outbound: OutboundClient;
  readonly tenant: string;
  /** Object id of a person of the tenant with the role User. */
  readonly person: string;
  readonly publicOrigin: string;
  readonly apiClientId: string;
  readonly signInClientId: string;
  readonly secret: string | undefined;
  readonly identity: AppIdentity;
  /** What proves the registration in a form. */
  readonly proof: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

const ids = { apiClientId, signInClientId };

/** The local issuer: plain HTTP on this machine, with a secret. */
export async function localEntra(): Promise<EntraPlace> {
  const issuer = await startIssuer({ port: 0 });
  const outbound = openOutboundClient('private_allowed');
  return {
    ...ids,
    authority: issuer.origin,
    reached: (url) => url,
    outbound,
    tenant: defaultTenant,
    person: personNamed('user@contoso.example').oid,
    publicOrigin: localOrigin(portsFor(0).mcp),
    secret: localClientSecret,
    identity: issuing(() => Promise.reject(new Error('the secret proves the registration'))),
    proof: { client_secret: localClientSecret },
    close: async () => {
      await issuer.stop();
      await outbound.close();
    },
  };
}

const IDENTITY = 'a1b2c3d4-2222-4222-8222-000000000002';
const CLIENT_ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** The stand-in of Entra: under the name of Entra, behind TLS, with the assertion of a managed identity. */
export async function standInEntra(): Promise<EntraPlace> {
  const publicOrigin = 'https://mcp.contoso.com';
  const entra = await startStandInEntra({
    clientId: apiClientId,
    tenantId: defaultTenant,
    signIn: { clientId: signInClientId, redirectUris: [`${publicOrigin}/oauth/callback`] },
    identities: [IDENTITY],
  });
  const certificate = makeCertificate(['localhost']);
  const trusted = tls.getCACertificates();
  tls.setDefaultCACertificates([...trusted, certificate.certificate]);
  const front = await tlsFront(certificate, entra.port);
  const reached = (url: string) => url.replace(`https://${ENTRA}`, `https://localhost:${front.port}`);
  const direct = openOutboundClient('private_allowed');
  const assertion = assertionOf(IDENTITY);
  return {
    ...ids,
    authority: `https://${ENTRA}`,
    reached,
    outbound: {
      request: (request) => direct.request({ ...request, url: reached(request.url) }),
      close: () => direct.close(),
    },
    tenant: defaultTenant,
    person: standInUsers.User,
    publicOrigin,
    secret: undefined,
    identity: issuing(() => Promise.resolve(assertion)),
    proof: { client_assertion: assertion, client_assertion_type: CLIENT_ASSERTION },
    close: async () => {
      tls.setDefaultCACertificates(trusted);
      await direct.close();
      await front.close();
      await entra.close();
    },
  };
}

/** Returns the assertion of a managed identity, as Entra's token service issues it for a federated credential. */
export const assertionOf = (objectId: string): string =>
  new UnsecuredJWT({
    aud: 'api://AzureADTokenExchange',
    iss: `https://${ENTRA}/${defaultTenant}/v2.0`,
    sub: objectId,
  }).encode();

/** Returns an identity that issues these tokens. */
export const issuing = (token: () => Promise<string>): AppIdentity => ({
  getToken: async () => ({ token: await token(), expiresOnTimestamp: Date.now() + 3_600_000 }),
  renewToken: () => Promise.reject(new Error('nothing is renewed')),
});
