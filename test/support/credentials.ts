import { createCredentials, type Credentials } from '../../shared/identity/credentials/credentials.ts';
import type { ExchangeToken } from '../../shared/identity/credentials/tokenExchange.ts';
import { type Clock, systemClock } from '../../shared/platform/base/clock.ts';
import { fail } from '../../shared/platform/base/result.ts';
import type { Config } from '../../shared/platform/config/config.ts';

const noExchange: ExchangeToken = () =>
  Promise.resolve(fail({ kind: 'unavailable', message: 'this test has no token service' }));

/** Credentials as the settings of a test have them; none when absent. */
export const testCredentials = (
  credentials: Config['credentials'] = {},
  tenants: readonly string[] = [],
  exchange: ExchangeToken = noExchange,
  clock: Clock = systemClock,
): Credentials => createCredentials({ credentials, tenants: new Set(tenants) }, { exchange, clock });
