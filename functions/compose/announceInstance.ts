import { publishBuildChange } from '../../shared/orchestration/events/buildChange.ts';
import { readBuildInfo, UNBUILT } from '../../shared/platform/config/buildInfo.ts';
import { describeEnvironment } from '../../shared/platform/config/environment.ts';
import { processEnvironment } from '../../shared/platform/config/readConfig.ts';
import { fingerprintsOf, keyIdOf } from '../../shared/platform/config/settingValues.ts';
import {
  HEARTBEAT_INTERVAL_MS,
  removeInstance,
  writeInstance,
} from '../../shared/platform/telemetry/instances.ts';
import type { AppDeps } from './deps.ts';

/** The first requests come first: the announcement waits for this time in ms. */
const FIRST_AFTER_MS = 1_000;

/**
 * Announces this instance every half minute, for reports of what runs, and raises an event if its app had another build before.
 * Nothing waits for it, and it never fails: it retries at the next interval. `end` removes the announcement.
 */
export function announceInstance(
  deps: Pick<AppDeps, 'config' | 'clock' | 'newId' | 'log' | 'shortLived'> &
    Parameters<typeof publishBuildChange>[2],
): { readonly end: () => Promise<void> } {
  const { config, clock, shortLived, log } = deps;
  const id = deps.newId();
  const startedAt = clock.now().toISOString();
  const environment = describeEnvironment(processEnvironment());
  const [tenantId = ''] = config.tenants;
  let isBuildKnown = false;

  async function announce(): Promise<void> {
    const { version, build, fingerprintKey } = await readBuildInfo();
    await writeInstance(shortLived, id, {
      app: config.app,
      version,
      build,
      node: process.versions.node,
      host: environment.host,
      startedAt,
      seenAt: clock.now().toISOString(),
      settings: fingerprintsOf(config, environment.set, fingerprintKey),
      keyId: keyIdOf(fingerprintKey),
      unknownSettings: [...environment.unknown],
      developmentOnly: [...environment.developmentOnly],
    });
    if (isBuildKnown || build === UNBUILT) return;
    await publishBuildChange({ app: config.app, version, build }, tenantId, deps);
    isBuildKnown = true;
  }
  const quietly = async (act: () => Promise<void>): Promise<void> => {
    try {
      await act();
    } catch (error) {
      log.warn('instance_write_failed', {
        reason: error instanceof Error ? error.message : 'unknown',
      });
    }
  };

  let timer = setTimeout(() => {
    void quietly(announce);
    timer = setInterval(() => void quietly(announce), HEARTBEAT_INTERVAL_MS).unref();
  }, FIRST_AFTER_MS).unref();
  return {
    end: () => {
      clearTimeout(timer);
      return quietly(() => removeInstance(shortLived, id, config.app));
    },
  };
}
