import type { AppDeps, Broker } from '../../compose/deps.ts';
import type { Cookies } from './cookies.ts';
import type { RecordSignIn } from './record.ts';

/** What the endpoints of the authorization server need. */
export interface OAuthDeps extends Broker, Pick<AppDeps, 'config' | 'seal' | 'clock' | 'newSecret'> {
  readonly cookies: Cookies;
  readonly record: RecordSignIn;
}
