import type { Seal } from '../../platform/security/seal.ts';
import { type ConnectionKey, type ConnectionStore, openSecrets } from './connection.ts';
import type { TokenEndpoint } from './tokenEndpoint.ts';

/**
 * Forgets an account, then revokes its tokens at their authorization server where that has an endpoint for it (RFC 7009). The account
 * is forgotten also if the server does not answer.
 */
export type ForgetAccount = (key: ConnectionKey) => Promise<'forgotten' | 'missing'>;

export const createForgetAccount =
  (deps: {
    readonly store: ConnectionStore;
    readonly tokens: TokenEndpoint;
    readonly seal: Seal;
  }): ForgetAccount =>
  async (key) => {
    const { store, tokens, seal } = deps;
    const connection = (await store.find(key))?.value;
    if (!connection || (await store.remove(key)) === 'missing') return 'missing';
    const secrets = openSecrets(seal, connection);
    // A server that revokes a refresh token revokes the access tokens of the same grant too.
    if (secrets) await tokens.revoke(secrets, secrets.refreshToken ?? secrets.accessToken);
    return 'forgotten';
  };
