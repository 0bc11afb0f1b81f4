import { SignJWT } from 'jose';
import type { Clock } from '../../platform/base/clock.ts';
import type { IdSource } from '../../platform/base/ids.ts';
import type { Config } from '../../platform/config/config.ts';
import type { Actor } from '../access/actor.ts';
import { deriveGatewayKeys } from './gatewayKeys.ts';
import { REQUIRED_SCOPE } from './refusals.ts';
import type { PublishedKey } from './signingKeys.ts';

/** An access token of the gateway's own (RFC 9068). */
export interface AccessTokenRequest {
  /** Who the token is for. `clientId` is the MCP client. */
  readonly actor: Omit<Actor, 'expiresAt' | 'kind'> & { readonly grantId: string };
  /** The URL of the endpoint that the token is for (RFC 8707). */
  readonly audience: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface AccessTokenSigner {
  sign(request: AccessTokenRequest): Promise<string>;
  /** The public keys, as the key set of the gateway publishes them. */
  readonly publicKeys: readonly PublishedKey[];
}

/** Signs access tokens of users with the first of the keys that follow from the sealing keys. */
export function createAccessTokenSigner(
  { publicOrigin, sealingKeys }: Pick<Config, 'publicOrigin' | 'sealingKeys'>,
  { clock, newId }: { readonly clock: Clock; readonly newId: IdSource },
): AccessTokenSigner {
  const keys = deriveGatewayKeys(publicOrigin, sealingKeys);
  const [signing] = keys;
  if (signing === undefined) throw new TypeError('tokens need at least one sealing key');
  return {
    publicKeys: keys.map(({ published }) => published),
    sign({ actor, audience, expiresAt }) {
      const { tenantId, userId, name, clientId, grantId, roles } = actor;
      const now = Math.floor(clock.now().getTime() / 1_000);
      return new SignJWT({
        iss: publicOrigin,
        aud: audience,
        sub: userId,
        tid: tenantId,
        oid: userId,
        ...(name !== undefined && { name }),
        client_id: clientId,
        azp: clientId,
        roles: roles.map((role) => `Gateway.${role}`),
        scp: REQUIRED_SCOPE,
        gid: grantId,
        jti: newId(),
        iat: now,
        nbf: now,
        exp: Math.floor(expiresAt / 1_000),
      })
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: signing.published.kid })
        .sign(signing.privateKey);
    },
  };
}
