import { z } from 'zod';
import type { Application } from './application.ts';
import type { Graph } from './graph.ts';
import { readAnswer } from './readAnswer.ts';
import type { Identity } from './settings.ts';

/** The trust of a registration in one managed identity. Source: Microsoft Graph v1.0, federatedIdentityCredential. */
interface Credential {
  readonly name: string;
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
}

const AUDIENCE = 'api://AzureADTokenExchange';

/** Returns the credential with which an identity proves that it is the registration, in place of a secret. */
export const credentialOf = (tenantId: string, { name, principalId }: Identity): Credential => ({
  name,
  issuer: `https://login.microsoftonline.com/${tenantId}/v2.0`,
  subject: principalId,
  audiences: [AUDIENCE],
});

const credentialsSchema = z.array(
  z.object({
    name: z.string(),
    issuer: z.string(),
    subject: z.string(),
    audiences: z.array(z.string()),
  }),
);

/** Adds or corrects the credential of each identity. Credentials of other names stay as they are. */
export async function federate(
  graph: Graph,
  app: Application,
  credentials: readonly Credential[],
): Promise<void> {
  const path = `applications/${app.id}/federatedIdentityCredentials`;
  const there = readAnswer(credentialsSchema, await graph.list(path), 'federated credentials');
  for (const { name, ...wanted } of credentials) {
    if (there.some((credential) => isSame(credential, wanted))) continue;
    const verb = there.some((credential) => credential.name === name) ? 'update' : 'create';
    await graph.write({
      method: 'PATCH',
      path: `${path}(name='${name}')`,
      body: { ...wanted, description: 'A managed identity of the gateway acts as this application.' },
      createIfMissing: true,
      what: `${verb} the federated credential ${name} of "${app.displayName}" (subject ${wanted.subject})`,
    });
  }
}

/** Entra allows one credential for an issuer and subject, whatever its name. */
const isSame = (one: Omit<Credential, 'name'>, other: Omit<Credential, 'name'>): boolean =>
  one.issuer === other.issuer &&
  one.subject === other.subject &&
  one.audiences.join() === other.audiences.join();
