import type { AccessTokenSigner } from '../../../shared/identity/tokens/accessTokenSigner.ts';
import { publicDocument } from '../../http/answers.ts';
import type { Route } from '../../http/route.ts';

/** The public keys of the gateway's own tokens (RFC 7517), for whoever verifies them elsewhere: `GET /oauth/jwks`. */
export const jwksRoute = ({ publicKeys }: Pick<AccessTokenSigner, 'publicKeys'>): Route => ({
  name: 'oauth-jwks',
  method: 'GET',
  path: 'oauth/jwks',
  permission: 'anonymous',
  query: 'any',
  handle: () => Promise.resolve(publicDocument({ keys: publicKeys })),
});
