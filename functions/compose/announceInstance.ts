import { raiseBuildChange } from '../../shared/orchestration/events/buildChange.ts';
import { UNBUILT, readBuildInfo } from '../../shared/platform/config/buildInfo.ts';
import { processEnvironment } from '../../shared/platform/config/config.ts';
import { describeEnvironment } from '../../shared/platform/config/environment.ts';
import { fingerprintsOf, keyIdOf } from '../../shared/platform/config/fingerprints.ts';
import { TELL_EVERY_MS, forgetInstance, tellInstance } from '../../shared/platform/telemetry/instances.ts';
import type { AppDeps } from './compose.ts';

/** What an instance was started for comes first. */
const FIRST_AFTER_MS = 1_000;

/**
 * Says every half minute what this instance is, for those who ask what runs, and raises an event when its app was another build
 * before. Nothing waits for it, and it never fails: what could not be said is said the next time. `end` says that it is over.
 */
export function announceInstance(
  deps: Pick<AppDeps, 'config' | 'clock' | 'newId' | 'log' | 'shortLived'> &
    Parameters<typeof raiseBuildChange>[2],
): { readonly end: () => Promise<void> } {
  const { config, clock, shortLived, log } = deps;
  const id = deps.newId();
  const startedAt = clock.now().toISOString();
  const environment = describeEnvironment(processEnvironment());
  const [tenantId = ''] = config.tenants;
  let isBuildKnown = false;

  async function tell(): Promise<void> {
    const { version, build, fingerprintKey } = await readBuildInfo();
    await tellInstance(shortLived, id, {
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
    await raiseBuildChange({ app: config.app, version, build }, tenantId, deps);
    isBuildKnown = true;
  }
  const quietly = async (act: () => Promise<void>): Promise<void> => {
    try {
      await act();
    } catch (error) {
      log.warn('instance_untold', { reason: error instanceof Error ? error.message : 'unknown' });
    }
  };

  let timer = setTimeout(() => {
    void quietly(tell);
    timer = setInterval(() => void quietly(tell), TELL_EVERY_MS).unref();
  }, FIRST_AFTER_MS).unref();
  return {
    end: () => {
      clearTimeout(timer);
      return quietly(() => forgetInstance(shortLived, id, config.app));
    },
  };
}
