import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  calculateJwkThumbprint,
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  type JWTPayload,
  SignJWT,
} from 'jose';
import { z } from 'zod';

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  /** The public key as in a key set, without the issuer. */
  readonly publicJwk: JWK;
  /** A secret that lasts as long as the key. */
  readonly secret: string;
}

const algorithm = 'RS256';
const privateJwkSchema = z.looseObject({
  kty: z.literal('RSA'),
  n: z.string(),
  e: z.string(),
  d: z.string(),
});

/**
 * Reads the key from `keyFile`. Creates the file with a new key when it is missing, so that tokens survive a restart.
 * Without a file the key lives as long as the process. @throws Error when the file holds no key.
 */
export async function loadSigningKey(keyFile?: string): Promise<SigningKey> {
  const kept = keyFile === undefined ? undefined : await readKey(keyFile);
  const jwk = kept ?? (await makeKey());
  if (keyFile !== undefined && kept === undefined) await keepKey(keyFile, jwk);
  const privateKey = await importJWK(jwk, algorithm);
  if (privateKey instanceof Uint8Array) throw new TypeError('the signing key is not an RSA key');
  const kid = await calculateJwkThumbprint(jwk);
  return { kid, privateKey, publicJwk: { kty: 'RSA', use: 'sig', kid, n: jwk.n, e: jwk.e }, secret: jwk.d };
}

/** Signs the claims without adding or checking any. */
export function sign({ kid, privateKey }: SigningKey, claims: JWTPayload): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ typ: 'JWT', alg: algorithm, kid }).sign(privateKey);
}

type PrivateJwk = z.infer<typeof privateJwkSchema>;

async function readKey(keyFile: string): Promise<PrivateJwk | undefined> {
  let text: string;
  try {
    text = await readFile(keyFile, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return privateJwkSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new Error(`${keyFile} holds no signing key: delete it, and a new one is made`, { cause: error });
  }
}

async function makeKey(): Promise<PrivateJwk> {
  const { privateKey } = await generateKeyPair(algorithm, { modulusLength: 2_048, extractable: true });
  return privateJwkSchema.parse(await exportJWK(privateKey));
}

/** Writes another file and renames it, so that a reader always finds a whole key. */
async function keepKey(keyFile: string, jwk: PrivateJwk): Promise<void> {
  await mkdir(dirname(keyFile), { recursive: true });
  const aside = `${keyFile}.${process.pid}`;
  await writeFile(aside, JSON.stringify(jwk), { mode: 0o600 });
  await rename(aside, keyFile);
}
