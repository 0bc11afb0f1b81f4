import * as z from 'zod';
import type { Clock } from '../../platform/base/clock.ts';
import { parseJsonBytes } from '../../platform/base/json.ts';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import type { OutboundClient } from '../../platform/outbound/outboundClient.ts';
import { EXCHANGE_TIMEOUT_MS, MAX_EXCHANGE_BYTES } from '../limits.ts';
import { basicAuthorization } from './basicAuthorization.ts';
import type { IssuedToken } from './tokenCache.ts';

/** The registration of the gateway at an authorization server. */
export interface TokenClient {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret?: string | undefined;
  readonly scope?: string | undefined;
  /** RFC 8707. */
  readonly resource?: string | undefined;
}

/**
 * Asks an authorization server for a token of the gateway itself (RFC 6749, section 4.4). Failures: `forbidden` where it refuses;
 * `unavailable`. Their messages hold nothing of its answer.
 */
export type AskToken = (client: TokenClient) => Promise<Result<IssuedToken>>;

/** RFC 6749, section 5.1, and the characters of a bearer token (RFC 6750, section 2.1). */
const answerSchema = z.object({
  access_token: z.string().regex(/^[\w.~+/-]+=*$/),
  token_type: z.string().regex(/^bearer$/i),
  expires_in: z.coerce.number().positive().optional(),
});

/** Milliseconds for which a token counts as valid whose server does not say for how long it is. */
const UNSAID_LIFETIME_MS = 300_000;

/** How the client proves itself (RFC 6749, section 2.3.1). Every server must know `basic`; some know `post` alone. */
type Proof = 'basic' | 'post';

export function createAskToken({
  outbound,
  clock,
}: {
  readonly outbound: OutboundClient;
  readonly clock: Clock;
}): AskToken {
  /** The proof that a server accepted, by its client. */
  const accepted = new Map<TokenClient, Proof>();

  async function ask(client: TokenClient, proof: Proof): Promise<Result<IssuedToken> | 'other_proof'> {
    const { tokenUrl, clientId, clientSecret, scope, resource } = client;
    const isBasic = proof === 'basic' && clientSecret !== undefined;
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      ...(scope !== undefined && { scope }),
      ...(resource !== undefined && { resource }),
      ...(!isBasic && { client_id: clientId }),
      ...(!isBasic && clientSecret !== undefined && { client_secret: clientSecret }),
    });
    const askedAt = clock.now().getTime();
    const sent = await outbound.request({
      method: 'POST',
      url: tokenUrl,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
        ...(isBasic && { authorization: basicAuthorization(clientId, clientSecret) }),
      },
      body: form.toString(),
      signal: AbortSignal.timeout(EXCHANGE_TIMEOUT_MS),
    });
    if (!sent.ok) return away;
    const { statusCode, body } = sent.value;
    const bytes = await body.bytes(MAX_EXCHANGE_BYTES, EXCHANGE_TIMEOUT_MS).catch(() => undefined);
    if ((statusCode === 401 || statusCode === 400) && isBasic) return 'other_proof';
    if (statusCode >= 400 && statusCode < 500) return refused;
    const answer = bytes && answerSchema.safeParse(parseJsonBytes(bytes));
    if (statusCode !== 200 || answer?.success !== true) return away;
    const { access_token: token, expires_in: seconds } = answer.data;
    accepted.set(client, proof);
    return succeed({
      token,
      expiresAt: askedAt + (seconds === undefined ? UNSAID_LIFETIME_MS : seconds * 1_000),
    });
  }

  return async (client) => {
    const first = await ask(client, accepted.get(client) ?? 'basic');
    if (first !== 'other_proof') return first;
    const second = await ask(client, 'post');
    return second === 'other_proof' ? refused : second;
  };
}

const refused = fail({
  kind: 'forbidden',
  message:
    'the authorization server gives no token for it: are the client id, the secret and the scope right?',
});
const away = fail({ kind: 'unavailable', message: 'the authorization server could not be reached' });
