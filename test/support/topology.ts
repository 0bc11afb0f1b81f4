import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { JWTPayload } from 'jose';
import type { MintRequest } from '../../infra/local/issuer/claims.ts';
import { startTopology, type Topology, type TopologyOptions } from '../../infra/local/topology.ts';
import { testPlace } from './place.ts';
import { forge, tokenSource } from './tokens.ts';

export interface TestTopology extends Topology {
  readonly dataDir: string;
  /** Returns an administrator's token, or that of the request, which the issuer signed, with these claims in it. */
  signWith(claims: JWTPayload, request?: MintRequest): Promise<string>;
  /** The issuer signs with another key from now on, and publishes that one alone. */
  rotateKey(): Promise<void>;
}

const limitless = { perSecond: 100_000, burst: 1_000_000 };

/** Limits that no test and no measurement meets: all of their requests come from one address. */
export const wideLimits: string = JSON.stringify({ address: limitless, principal: limitless });

/** The whole topology as `npm start` runs it, on ports and in a folder of its own, with wide limits. `stop` removes the folder. */
export async function startTestTopology(
  options: Pick<TopologyOptions, 'demo' | 'onLine' | 'settings' | 'settingsOf' | 'withoutApps'> = {},
): Promise<TestTopology> {
  const place = await testPlace();
  const settings = { MREG_RATE_LIMITS: wideLimits, ...options.settings };
  const topology = await startTopology({ ...options, ...place, settings, build: false });
  return {
    ...topology,
    dataDir: place.dataDir,
    async signWith(claims, request = {}) {
      return forge(await tokenSource(place.dataDir, topology.urls.issuer), { claims, request });
    },
    async rotateKey() {
      await topology.kill('issuer');
      await rm(join(place.dataDir, 'issuerKey.json'));
      await topology.restart('issuer');
    },
    async stop() {
      await topology.stop();
      await place.remove();
    },
  };
}
