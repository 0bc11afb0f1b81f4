import type { ConnectionTarget } from '../../identity/credentials/connections.ts';
import type { Credentials } from '../../identity/credentials/credentials.ts';
import type { Config } from '../../platform/config/config.ts';
import type { Seal } from '../../platform/security/seal.ts';
import type { ServerRecord } from '../../registry/records/server.ts';
import { openUrl } from '../../registry/records/serverUrl.ts';
import { credentialsIn } from '../../registry/records/upstreamSettings.ts';

/** Returns where the account of a user at the server is asked for; `undefined` for a server that wants none. */
export type AccountTargetOf = (record: ServerRecord) => ConnectionTarget | undefined;

export const createAccountTargetOf =
  (
    { credentials: settings }: Pick<Config, 'credentials'>,
    deps: { readonly credentials: Pick<Credentials, 'isAccount'>; readonly seal: Seal },
  ): AccountTargetOf =>
  (record) => {
    const named = credentialsIn(record.upstream).find(([, name]) => deps.credentials.isAccount(name));
    const url = openUrl(record, record.tenantId, deps.seal);
    if (!named || url === undefined) return undefined;
    const [, name] = named;
    const setting = Object.hasOwn(settings, name) ? settings[name] : undefined;
    const client = setting && 'userAccount' in setting ? setting.userAccount : undefined;
    return { slug: record.slug, url, client };
  };
