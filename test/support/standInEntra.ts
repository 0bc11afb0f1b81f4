import { text } from 'node:stream/consumers';
import { decodeJwt } from 'jose';
import type { Directory, Person } from '../../infra/local/issuer/directory.ts';
import { createEntra } from '../../infra/local/issuer/entra.ts';
import { loadSigningKey } from '../../infra/local/issuer/signingKey.ts';
import { serve } from './serve.ts';
import { forge } from './tokens.ts';

/** Entra, for the registrations of one gateway. */
export interface StandInEntra {
  readonly port: number;
  /** The forms that the token endpoint got. */
  readonly forms: readonly Readonly<Record<string, string>>[];
  /** Returns an access token for the API, as Entra signs them. Each role has a user of its own. */
  tokenFor(role: 'Admin' | 'User'): Promise<string>;
  close(): Promise<void>;
}

export interface StandInRegistrations {
  /** The registration of the API. It also exchanges tokens of users. */
  readonly clientId: string;
  readonly tenantId: string;
  /** The registration that signs people in, and its redirect URIs. */
  readonly signIn?: { readonly clientId: string; readonly redirectUris: readonly string[] };
  /** Object ids of the managed identities that prove the registrations (federated credentials). */
  readonly identities: readonly string[];
}

/** The people of the tenant. */
export const standInUsers = {
  Admin: 'b7a1f0c2-93d5-4c1e-8f26-0d4e5a6b7c81',
  User: 'b7a1f0c2-93d5-4c1e-8f26-0d4e5a6b7c82',
} as const;

export const ENTRA = 'login.microsoftonline.com';

/**
 * Starts a stand-in of Entra. It is the local issuer under Entra's name, with managed identities in place of secrets, and refuses
 * what Entra refuses.
 */
export async function startStandInEntra(registrations: StandInRegistrations): Promise<StandInEntra> {
  const key = await loadSigningKey();
  const origin = `https://${ENTRA}`;
  const entra = createEntra({ origin, key, directory: directoryOf(registrations) });
  const forms: Record<string, string>[] = [];
  const server = await serve((request, response) => {
    const { pathname: path, searchParams: query } = new URL(request.url ?? '', origin);
    const { method = '' } = request;
    if (entra.methodOf(path) !== method) {
      response.writeHead(404).end();
      return;
    }
    void text(request).then(async (body) => {
      const form = new URLSearchParams(body);
      if (path.endsWith('/token')) forms.push(Object.fromEntries(form));
      const { status, headers, body: answered } = await entra.answer({ method, path, query, form });
      response.writeHead(status, headers).end(answered);
    });
  });
  const { clientId, tenantId: tenant } = registrations;
  return {
    port: server.port,
    forms,
    tokenFor: (role) =>
      forge(
        { key, origin },
        { request: { role, user: standInUsers[role], tenant }, claims: { aud: clientId } },
      ),
    close: () => server.close(),
  };
}

function directoryOf({ clientId, tenantId, signIn, identities }: StandInRegistrations): Directory {
  /** Entra compares the claims of the assertion with the federated credential. Here the signature of the identity is none. */
  const accepts = (assertion: string): boolean => {
    const { aud, iss, sub = '' } = decodeJwt(assertion);
    return aud === 'api://AzureADTokenExchange' && iss !== undefined && identities.includes(sub);
  };
  const proof = { kind: 'assertion', accepts } as const;
  const people = (['Admin', 'User'] as const).map((role): Person => {
    const username = `${role.toLowerCase()}@example.com`;
    return { tenant: tenantId, oid: standInUsers[role], name: role, username, roles: [role] };
  });
  return {
    tenants: { [tenantId]: 'Example' },
    people,
    clients: [
      { id: clientId, name: 'API', redirectUris: [], proof },
      ...(signIn ? [{ id: signIn.clientId, name: 'Sign-in', redirectUris: signIn.redirectUris, proof }] : []),
    ],
    api: { clientId, identifierUris: [`api://${clientId}`] },
  };
}
