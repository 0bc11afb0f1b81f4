import {
  AggregateAuthenticationError,
  AzureCliCredential,
  AzureDeveloperCliCredential,
  ChainedTokenCredential,
} from '@azure/identity';
import { decodeJwt } from 'jose';
import { z } from 'zod';
import { LocalError } from '../local/localError.ts';

/** A token for Microsoft Graph, and who has it. */
export interface SignedIn {
  readonly token: string;
  readonly tenantId: string;
  /** The object id of the user or of the service principal. */
  readonly principalId: string;
}

const SCOPE = 'https://graph.microsoft.com/.default';
const TIMEOUT_MS = 60_000;

/**
 * Returns a token of the person or service that is signed in to one of the command lines of Azure: `azd` first, then `az`. The
 * tenant is that of the sign-in unless it is given.
 * @throws LocalError if neither is signed in
 */
export async function signInToGraph(tenantId: string | undefined): Promise<SignedIn> {
  const options = { processTimeoutInMs: TIMEOUT_MS, ...(tenantId !== undefined && { tenantId }) };
  const credential = new ChainedTokenCredential(
    new AzureDeveloperCliCredential(options),
    new AzureCliCredential(options),
  );
  const { token } = await credential.getToken(SCOPE).catch((error: unknown) => {
    throw new LocalError(
      `No sign-in to Azure. Run azd auth login, or az login, as somebody who may register applications. ${reasonsOf(error)}`,
    );
  });
  const found = claimsOf(token);
  if (!found || (tenantId !== undefined && found.tenantId !== tenantId.toLowerCase())) {
    const tenant = tenantId ?? 'ID OF THE TENANT';
    throw new LocalError(
      `The sign-in to Azure is not one of the tenant. Run azd auth login --tenant-id ${tenant}, or az login --tenant ${tenant}`,
    );
  }
  return { token, ...found };
}

/** What each of the two command lines said, in one line without the product's own hints. */
function reasonsOf(error: unknown): string {
  if (!(error instanceof AggregateAuthenticationError)) return '';
  const errors: readonly unknown[] = error.errors;
  return ['azd', 'az']
    .map((program, index) => {
      const said = errors[index];
      const [line = ''] = (said instanceof Error ? said.message : '').trim().split(/\. |\n/, 1);
      return `${program}: ${line.slice(0, 200)}`;
    })
    .join('; ');
}

const claims = z.object({ tid: z.guid(), oid: z.guid() });

/** Reads the claims as azd does. Graph itself verifies the token. */
function claimsOf(token: string): Omit<SignedIn, 'token'> | undefined {
  try {
    const { tid, oid } = claims.parse(decodeJwt(token));
    return { tenantId: tid.toLowerCase(), principalId: oid.toLowerCase() };
  } catch {
    return undefined;
  }
}
