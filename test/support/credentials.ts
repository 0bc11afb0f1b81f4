import { createCredentials, type Credentials } from '../../shared/identity/credentials/credentials.ts';
import type { SourceDeps } from '../../shared/identity/credentials/credentialSources.ts';
import type { ExchangeToken } from '../../shared/identity/credentials/tokenExchange.ts';
import { type Clock, systemClock } from '../../shared/platform/base/clock.ts';
import { fail } from '../../shared/platform/base/result.ts';
import type { Config } from '../../shared/platform/config/config.ts';
import type { AppIdentity } from '../../shared/platform/managedIdentity/appIdentity.ts';

const noExchange = () =>
  Promise.resolve(fail({ kind: 'unavailable', message: 'this test has no token service' }));

const noIdentity: AppIdentity = {
  getToken: () => Promise.reject(new Error('this test has no managed identity')),
  renewToken: () => Promise.reject(new Error('this test has no managed identity')),
};

/** Credentials as the settings of a test have them; none when absent. */
export const testCredentials = (
  credentials: Config['credentials'] = {},
  tenants: readonly string[] = [],
  exchange: ExchangeToken = noExchange,
  clock: Clock = systemClock,
  more: Partial<Pick<SourceDeps, 'askToken' | 'identity' | 'connections'>> = {},
): Credentials =>
  createCredentials(
    { credentials, tenants: new Set(tenants) },
    { exchange, askToken: noExchange, identity: noIdentity, clock, ...more },
  );
