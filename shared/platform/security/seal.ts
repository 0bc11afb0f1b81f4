import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync } from 'node:crypto';
import { parseExactJson } from '../base/exactJson.ts';

/** The purpose of a sealed value. The value is valid for this purpose only. */
export type SealPurpose =
  | 'session'
  | 'session_state'
  | 'question'
  | 'answer'
  | 'held_call'
  | 'token'
  | 'server_url'
  | 'own_check'
  /** The pages of a sign-in: their form, and the cookie of their browser. */
  | 'sign_in'
  /** A refresh token that the gateway issues. */
  | 'refresh_token'
  /** A refresh token of Entra, which stays on the server. */
  | 'entra_token'
  /** The tokens of a user's account at an upstream server. */
  | 'connection'
  /** The link with which a user connects an account. */
  | 'connection_link';

/**
 * Encrypts values with the keys of `MREG_SEALING_KEYS`. Every instance of both apps opens a value that any of them sealed. Without
 * a key, a sealed value can be neither read nor changed. A sealed value does not expire by itself.
 */
export interface Seal {
  /**
   * Returns visible ASCII, which headers and JSON-RPC ids can carry. The same content, purpose and binding give the same value.
   * `boundTo` names the owner. It is not part of the value: `open` needs the same names.
   */
  close(purpose: SealPurpose, boundTo: readonly string[], content: unknown): string;
  /** Returns the content, or `undefined` for a value that was changed, is bound to others, or has a key that was removed. */
  open(purpose: SealPurpose, boundTo: readonly string[], sealed: string): unknown;
}

const [IV_BYTES, TAG_BYTES] = [12, 16];

interface Keys {
  readonly id: string;
  readonly encryption: Buffer;
  readonly nonce: Buffer;
}

/** Seals with the first key and opens with every key. A key is replaced by putting the new key before it. */
export function createSeal(secrets: readonly string[]): Seal {
  const secretOf = new Map(secrets.map((secret) => [idOf(secret), secret]));
  const [currentId] = secretOf.keys();
  if (currentId === undefined) throw new TypeError('a seal needs at least one key');
  const derived = new Map<string, Keys>();

  /** A key for each purpose (RFC 5869). */
  function keysOf(purpose: SealPurpose, id: string): Keys | undefined {
    const name = `${purpose} ${id}`;
    const known = derived.get(name);
    if (known) return known;
    const secret = secretOf.get(id);
    if (secret === undefined) return undefined;
    const bytes = Buffer.from(hkdfSync('sha256', secret, '', `mcp-registry-gateway ${purpose}`, 64));
    const keys = { id, encryption: bytes.subarray(0, 32), nonce: bytes.subarray(32) };
    derived.set(name, keys);
    return keys;
  }

  return {
    close(purpose, boundTo, content) {
      const keys = keysOf(purpose, currentId);
      if (!keys) throw new Error('the first sealing key is missing');
      const binding = bindingOf(purpose, boundTo);
      const text = Buffer.from(JSON.stringify(content), 'utf8');
      // The nonce follows from the content: two contents share one only if HMAC-SHA-256 collides in 96 bits.
      const iv = createHmac('sha256', keys.nonce)
        .update(binding)
        .update('\0')
        .update(text)
        .digest()
        .subarray(0, IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', keys.encryption, iv).setAAD(binding);
      const body = Buffer.concat([cipher.update(text), cipher.final()]);
      return `${keys.id}.${Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')}`;
    },
    open(purpose, boundTo, sealed) {
      const [, id = '', body = ''] = /^([\w-]{8})\.([\w-]+)$/.exec(sealed) ?? [];
      const keys = keysOf(purpose, id);
      const bytes = Buffer.from(body, 'base64url');
      // The decoder ignores surplus bits. A sealed value has one spelling only.
      if (!keys || bytes.length <= IV_BYTES + TAG_BYTES || bytes.toString('base64url') !== body)
        return undefined;
      try {
        const decipher = createDecipheriv('aes-256-gcm', keys.encryption, bytes.subarray(0, IV_BYTES))
          .setAAD(bindingOf(purpose, boundTo))
          .setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
        const opened = Buffer.concat([
          decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)),
          decipher.final(),
        ]);
        return parseExactJson(opened.toString('utf8'));
      } catch {
        return undefined;
      }
    },
  };
}

const idOf = (secret: string): string =>
  createHash('sha256').update(`seal id\0${secret}`).digest('base64url').slice(0, 8);

const bindingOf = (purpose: SealPurpose, boundTo: readonly string[]): Buffer =>
  Buffer.from(JSON.stringify([purpose, ...boundTo]));
