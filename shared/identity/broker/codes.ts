import { hash } from 'node:crypto';
import * as z from 'zod';
import type { IdSource } from '../../platform/base/ids.ts';
import { type Failure, type Result, succeed } from '../../platform/base/result.ts';
import { isSameSecret } from '../../platform/security/sameSecret.ts';
import { parseStateValue, type StateStore } from '../../platform/state/stateStore.ts';
import { CODE_MS, SIGN_IN_MS } from '../limits.ts';
import type { AuthorizationRequest } from './authorizationRequest.ts';
import type { GrantName } from './grant.ts';
import type { Grants } from './grants.ts';
import { refused } from './signInRefusal.ts';

const issuedSchema = z.object({
  grant: z.object({ tenantId: z.string(), userId: z.string(), id: z.string() }),
  isUsed: z.boolean(),
  clientId: z.string(),
  redirectUri: z.string(),
  codeChallenge: z.string(),
  resource: z.string(),
});

/** What a client sends with a code (RFC 6749, section 4.1.3; RFC 7636, section 4.5). */
export interface CodeUse {
  readonly code: string;
  readonly clientId: string;
  readonly redirectUri: string | undefined;
  readonly codeVerifier: string;
  readonly resource: string | undefined;
}

/** Authorization codes: valid for a minute, once, for the client, the redirect URI and the verifier of their request. */
export interface Codes {
  issue(grant: GrantName, request: AuthorizationRequest): Promise<string>;
  /**
   * Returns the grant of a code. A second use of a code, and a use by anybody but its client, ends the grant: somebody else has the
   * code (RFC 9700, section 4.5). Failures: `invalid_grant`, `invalid_target`.
   */
  redeem(use: CodeUse): Promise<Result<GrantName>>;
}

const keyOf = (code: string): string => `mreg:oauth-code:${hash('sha256', code, 'base64url')}`;

export function createCodes(deps: {
  readonly state: StateStore;
  readonly newSecret: IdSource;
  readonly grants: Pick<Grants, 'end'>;
}): Codes {
  const { state, newSecret, grants } = deps;

  async function endBecause(grant: GrantName, failure: Failure): Promise<Failure> {
    await grants.end(grant);
    return failure;
  }

  return {
    async issue(grant, { clientId, redirectUri, codeChallenge, resource }) {
      const code = newSecret();
      const { tenantId, userId, id } = grant;
      const issued = { grant: { tenantId, userId, id }, isUsed: false };
      const content = { ...issued, clientId, redirectUri, codeChallenge, resource };
      await state.set(keyOf(code), JSON.stringify(content), CODE_MS);
      return code;
    },

    async redeem({ code, clientId, redirectUri, codeVerifier, resource }) {
      const key = keyOf(code);
      const text = await state.get(key);
      const issued = parseStateValue(text, issuedSchema);
      if (!issued) return unknownCode;
      const { grant } = issued;
      // Remembers the use for longer than the code was valid, so that a late replay is noticed.
      const used = JSON.stringify({ ...issued, isUsed: true });
      if (issued.isUsed || (await state.compareAndSet(key, text, used, SIGN_IN_MS)) === 'conflict')
        return endBecause(grant, replayed);
      if (clientId !== issued.clientId || (redirectUri ?? issued.redirectUri) !== issued.redirectUri)
        return endBecause(grant, ofAnotherClient);
      if (!isVerifierOf(codeVerifier, issued.codeChallenge)) return endBecause(grant, wrongVerifier);
      if (resource !== undefined && resource !== issued.resource) return endBecause(grant, otherResource);
      return succeed(grant);
    },
  };
}

/** S256 (RFC 7636, section 4.6). */
const isVerifierOf = (verifier: string, challenge: string): boolean =>
  isSameSecret(hash('sha256', verifier, 'base64url'), challenge);

const notValid = 'the code is not valid: sign in again';
const unknownCode = refused('invalid_grant', 'code_unknown', notValid);
const replayed = refused('invalid_grant', 'code_replayed', notValid);
const ofAnotherClient = refused('invalid_grant', 'code_of_another_client', notValid);
const wrongVerifier = refused('invalid_grant', 'code_verifier_wrong', notValid);
const otherResource = refused(
  'invalid_target',
  'resource_unknown',
  'resource differs from the one that the code was asked for',
);
