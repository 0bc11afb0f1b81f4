import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Principal } from '../../identity/principal.ts';
import { CLOCK_TOLERANCE_MS, type Clock } from '../../platform/clock.ts';
import type { StateStore } from '../../platform/stateStore.ts';
import { isObject, type JsonObject } from '../jsonRpc.ts';

/** What a token was made for: one made for one thing is none for another. */
type Purpose = 'session' | 'question' | 'cursor';

/**
 * Tokens that clients carry for us. Their content can be neither read nor changed, and they open for the principal alone
 * that they were made for, on any instance, after any restart. They say nothing of their age: what must end says so itself.
 */
export interface Seal {
  /** Visible ASCII, as headers and JSON-RPC ids can carry it. */
  close(purpose: Purpose, owner: Principal, content: JsonObject): Promise<string>;
  /** The content; undefined for whatever was not made here for this purpose and principal. */
  open(purpose: Purpose, owner: Principal, token: string): Promise<JsonObject | undefined>;
}

/** A key seals for a week and opens for one more. It is made by whoever needs it first, and kept where all instances find it. */
const WEEK_MS = 7 * 24 * 3_600_000;
const KEPT_MS = 2 * WEEK_MS;
const MAX_TOKEN_LENGTH = 8_192;
const [IV_BYTES, TAG_BYTES] = [12, 16];

export function createSeal({ state, clock }: { readonly state: StateStore; readonly clock: Clock }): Seal {
  const keys = new Map<number, Promise<Buffer | undefined>>();

  async function fetchKey(week: number, mayMake: boolean): Promise<Buffer | undefined> {
    const name = `mreg:seal:${week}`;
    const known = await state.get(name);
    if (known !== undefined) return Buffer.from(known, 'base64');
    if (!mayMake) return undefined;
    const made = randomBytes(32);
    if ((await state.compareAndSet(name, undefined, made.toString('base64'), KEPT_MS)) === 'stored')
      return made;
    return fetchKey(week, false);
  }

  function keyOf(week: number, mayMake: boolean): Promise<Buffer | undefined> {
    const found = keys.get(week);
    if (found !== undefined) return found;
    const fetched = fetchKey(week, mayMake);
    keys.set(week, fetched);
    const forget = () => keys.delete(week);
    fetched.then((key) => key ?? forget(), forget);
    for (const old of keys.keys()) if (old < week - 2) keys.delete(old);
    return fetched;
  }

  const now = (aheadMs = 0) => Math.floor((clock.now().getTime() + aheadMs) / WEEK_MS);

  return {
    async close(purpose, owner, content) {
      const week = now();
      const key = await keyOf(week, true);
      if (key === undefined) throw new Error('the state lost the key that it had just stored');
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(boundTo(purpose, owner, week));
      const sealed = Buffer.concat([cipher.update(JSON.stringify(content), 'utf8'), cipher.final()]);
      return `${week}.${Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url')}`;
    },
    async open(purpose, owner, token) {
      if (token.length > MAX_TOKEN_LENGTH) return undefined;
      const [, digits = '', body = ''] = /^(\d{1,6})\.([\w-]+)$/.exec(token) ?? [];
      const week = Number(digits);
      // No other week has a key, so a made-up one costs no look at the state.
      if (digits === '' || week > now(CLOCK_TOLERANCE_MS) || week < now() - 1) return undefined;
      const key = await keyOf(week, false);
      const bytes = Buffer.from(body, 'base64url');
      if (key === undefined || bytes.length <= IV_BYTES + TAG_BYTES) return undefined;
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_BYTES))
          .setAAD(boundTo(purpose, owner, week))
          .setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
        const opened = Buffer.concat([
          decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)),
          decipher.final(),
        ]);
        const content: unknown = JSON.parse(opened.toString('utf8'));
        return isObject(content) ? content : undefined;
      } catch {
        return undefined;
      }
    },
  };
}

const boundTo = (purpose: Purpose, { tenantId, userId, clientId }: Principal, week: number): Buffer =>
  Buffer.from(JSON.stringify([purpose, tenantId, userId, clientId, week]));
