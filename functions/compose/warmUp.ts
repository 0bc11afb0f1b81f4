import type { Config } from '../../shared/platform/config/config.ts';
import type { AppDeps } from './deps.ts';

/**
 * Opens what the first request of a new process needs, while the host finishes its own start: the SDK of the tables, the connections
 * to the stores, and the code that reads a server. It reads rows of the operator's tenant. Nothing waits for it, and a failure is
 * ignored: a request opens again what it needs.
 */
export function warmUp({
  config,
  isRevoked,
  visibleServers,
}: Pick<AppDeps, 'isRevoked' | 'visibleServers'> & { readonly config: Pick<Config, 'tenants'> }): void {
  const [tenantId = ''] = config.tenants;
  // After the import of the app, which the host waits for.
  setImmediate(() => {
    void Promise.allSettled([
      isRevoked({ tenantId, userId: '', clientId: '' }),
      visibleServers.version(tenantId),
      visibleServers.list(tenantId, {}, 1),
    ]);
  });
}
