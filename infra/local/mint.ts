import { z } from 'zod';
import { localOrigin } from './defaults.ts';
import type { MintRequest } from './issuer/claims.ts';
import { LocalError } from './localError.ts';

const mintedSchema = z.object({ access_token: z.string() });

/** Gets a token from the running issuer. @throws LocalError when the issuer does not answer or rejects the request. */
export async function mintAt(port: number, request: MintRequest): Promise<string> {
  const response = await fetch(`${localOrigin(port)}/mint`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(request),
    signal: AbortSignal.timeout(5_000),
  }).catch((cause: unknown) => {
    throw new LocalError(
      `No token issuer answers on port ${port}: is npm start running (with this --port-offset)?`,
      {
        cause,
      },
    );
  });
  const body: unknown = await response.json().catch(() => undefined);
  const minted = mintedSchema.safeParse(body);
  if (!minted.success) {
    throw new LocalError(
      `What answers on port ${port} is not the token issuer, or it refused: status ${response.status}`,
    );
  }
  return minted.data.access_token;
}
