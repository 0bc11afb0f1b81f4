import { randomInt, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JWTPayload } from 'jose';
import { mintRequestSchema, tokenClaims } from '../../infra/local/issuer/claims.ts';
import { loadSigningKey, sign } from '../../infra/local/issuer/signingKey.ts';
import { type Topology, startTopology } from '../../infra/local/topology.ts';

export interface TestTopology extends Topology {
  /** An administrator's token, signed by the issuer, with some claims as the test wants them. */
  signWith(claims: JWTPayload): Promise<string>;
}

/** The whole topology as `npm start` runs it, on ports and in a folder of its own. `stop` removes the folder. */
export async function startTestTopology(options: { readonly demo?: boolean } = {}): Promise<TestTopology> {
  const dataDir = await mkdtemp(join(tmpdir(), 'mcp-registry-gateway-'));
  // A taken port is refused by name, so that a clash of two runs is seen for what it is.
  const topology = await startTopology({
    ...options,
    portOffset: randomInt(11_000, 22_000),
    dataDir,
    build: false,
  });
  return {
    ...topology,
    async signWith(claims) {
      const request = mintRequestSchema.parse({ role: 'Admin' });
      const place = { origin: topology.urls.issuer, now: new Date(), tokenId: randomUUID() };
      return sign(await loadSigningKey(join(dataDir, 'issuerKey.json')), {
        ...tokenClaims(request, place),
        ...claims,
      });
    },
    async stop() {
      await topology.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
