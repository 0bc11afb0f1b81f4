import type { AccountTargetOf } from '../../../shared/gateway/upstream/accountTarget.ts';
import type { Accounts } from '../../compose/accounts.ts';
import type { AppDeps } from '../../compose/deps.ts';
import type { OAuthDeps } from '../oauth/deps.ts';

/** What the pages need by which people connect their accounts. */
export interface ConnectDeps
  extends
    Pick<OAuthDeps, 'browserSignIns' | 'isRevoked' | 'cookies' | 'record'>,
    Pick<AppDeps, 'config' | 'visibleServers'> {
  readonly accounts: Accounts;
  readonly accountTargetOf: AccountTargetOf;
}
