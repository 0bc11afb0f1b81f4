import { hash } from 'node:crypto';
import * as z from 'zod';
import type { IdSource } from '../../platform/base/ids.ts';
import { isSameSecret } from '../../platform/security/sameSecret.ts';
import type { Seal, SealPurpose } from '../../platform/security/seal.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';

/** A cookie that a response sets. Its life of 0 ms removes it. */
export interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly maxAgeMs: number;
}

/** Returns the value of a cookie of the browser. */
export type CookieOf = (name: string) => string | undefined;

/**
 * What the gateway keeps while a browser is at an authorization server. A state is valid for a time, once, and in the browser of
 * its cookie (RFC 6749, section 10.12).
 */
export interface BrowserStates<Content> {
  /** Keeps the content under the state, which nobody must be able to guess. Returns the cookie that ties it to this browser. */
  keep(state: string, content: Content): Promise<Cookie>;
  /** Takes the content, and returns the cookie that removes the one of the browser. */
  take(
    state: string,
    cookieOf: CookieOf,
  ): Promise<
    { readonly content: Content; readonly spent: Cookie } | { readonly refusal: keyof typeof stateRefusals }
  >;
}

/** Why a state is not accepted, by its name in the audit trail: what the person reads. */
export const stateRefusals = {
  state_unknown: 'this sign-in has expired, or it was finished already',
  browser_changed: 'this sign-in began in another browser',
} as const;

/** `name` is part of the keys and of the cookies' names, `lastsMs` is the time in ms for which a state is valid. */
export function createBrowserStates<Content>(
  kind: {
    readonly name: string;
    readonly purpose: SealPurpose;
    readonly schema: z.ZodType<Content, Content>;
    readonly lastsMs: number;
  },
  deps: { readonly state: StateStore; readonly seal: Seal; readonly newSecret: IdSource },
): BrowserStates<Content> {
  const { name, purpose, schema, lastsMs } = kind;
  const { state: store, seal, newSecret } = deps;
  const keptSchema = z.object({ content: schema, browser: z.string() });
  const keyOf = (state: string): string => `mreg:${name}:${hashOf(state)}`;
  /** Each sign-in has a cookie of its own, so that two pages of one browser do not disturb each other. */
  const cookieNameOf = (state: string): string => `mreg-${name}-${hashOf(state).slice(0, 16)}`;

  return {
    async keep(state, content) {
      const browser = newSecret();
      const kept: z.input<typeof keptSchema> = { content, browser: hashOf(browser) };
      await store.set(keyOf(state), seal.close(purpose, ['state', state], kept), lastsMs);
      return { name: cookieNameOf(state), value: browser, maxAgeMs: lastsMs };
    },

    async take(state, cookieOf) {
      const key = keyOf(state);
      const sealed = await store.get(key);
      // Of two callers with one state, one deletes it.
      if (sealed === undefined || (await store.delete(key)) === 'absent') return { refusal: 'state_unknown' };
      const kept = keptSchema.safeParse(seal.open(purpose, ['state', state], sealed)).data;
      if (!kept) return { refusal: 'state_unknown' };
      const cookie = cookieNameOf(state);
      return isSameSecret(hashOf(cookieOf(cookie) ?? ''), kept.browser)
        ? { content: kept.content, spent: { name: cookie, value: '', maxAgeMs: 0 } }
        : { refusal: 'browser_changed' };
    },
  };
}

const hashOf = (text: string): string => hash('sha256', text, 'base64url');
