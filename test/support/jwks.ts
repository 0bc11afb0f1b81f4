import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
} from 'jose';

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

export async function newKey(kid: string): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, use: 'sig' } };
}

/** What the key server answers to the next requests: keys of which issuer, or how it fails. */
export type KeyAnswer =
  | { readonly keys: readonly (JWK & { issuer?: string })[] }
  | { readonly status: number; readonly body?: string; readonly headers?: Record<string, string> }
  | 'cut';

export interface KeyServer {
  readonly origin: string;
  /** Paths asked for, in their order. */
  readonly asked: string[];
  answer: (path: string) => KeyAnswer;
  stop(): Promise<void>;
}

/** Serves signing keys over real HTTP, as a test says. */
export async function startKeyServer(): Promise<KeyServer> {
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    keyServer.asked.push(path);
    const answer = keyServer.answer(path);
    if (answer === 'cut') {
      response.writeHead(200, { 'content-length': '1000' }).write('{"keys":[');
      setImmediate(() => request.socket.destroy());
    } else if ('keys' in answer) {
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: answer.keys }));
    } else {
      response.writeHead(answer.status, answer.headers).end(answer.body);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const keyServer: KeyServer = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    answer: () => ({ status: 404 }),
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return keyServer;
}

/** Signs any claims with any header: whether they make sense is for the test to say. */
export function sign(
  payload: JWTPayload,
  key: SigningKey,
  header: Partial<JWTHeaderParameters> = {},
): Promise<string> {
  return new SignJWT(payload)
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: key.kid, ...header })
    .sign(key.privateKey);
}
