import type { JWTPayload } from 'jose';
import { type Topology, type TopologyOptions, startTopology } from '../../infra/local/topology.ts';
import { testPlace } from './place.ts';
import { forge, tokenSource } from './tokens.ts';

export interface TestTopology extends Topology {
  /** An administrator's token, signed by the issuer, with some claims as the test wants them. */
  signWith(claims: JWTPayload): Promise<string>;
}

/** The whole topology as `npm start` runs it, on ports and in a folder of its own. `stop` removes the folder. */
export async function startTestTopology(
  options: Pick<TopologyOptions, 'demo' | 'onLine' | 'settings' | 'settingsOf' | 'withoutApps'> = {},
): Promise<TestTopology> {
  const place = await testPlace();
  const topology = await startTopology({ ...options, ...place, build: false });
  return {
    ...topology,
    async signWith(claims) {
      return forge(await tokenSource(place.dataDir, topology.urls.issuer), { claims });
    },
    async stop() {
      await topology.stop();
      await place.remove();
    },
  };
}
