import { createHash, timingSafeEqual } from 'node:crypto';
import * as z from 'zod';
import type { IdSource } from '../../platform/base/ids.ts';
import { type Result, succeed } from '../../platform/base/result.ts';
import type { Seal } from '../../platform/security/seal.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import type { EntraSignIn, EntraTokens } from '../credentials/entraSignIn.ts';
import { SIGN_IN_MS } from '../limits.ts';
import { authorizationRequestSchema } from './authorizationRequest.ts';
import { refused } from './signInRefusal.ts';

const purposeSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('authorize'),
    request: authorizationRequestSchema,
    /** The consent that a browser remembered, so that no page was shown: the person must be the one who gave it. */
    remembered: z.object({ tenantId: z.string(), userId: z.string() }).optional(),
  }),
  /** To connect an account at an upstream server. `link` is the sealed link that the browser opened. */
  z.object({ kind: z.literal('connect'), slug: z.string(), link: z.string() }),
]);
/** Why a person signs in, and what follows once the person is known. */
export type SignInPurpose = Readonly<z.infer<typeof purposeSchema>>;

const pendingSchema = z.object({
  purpose: purposeSchema,
  entra: z.object({ tenant: z.string(), codeVerifier: z.string(), nonce: z.string() }),
  /** SHA-256 of the cookie of the browser. */
  browser: z.string(),
});

/** A cookie that a response sets. Its life of 0 ms removes it. */
export interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly maxAgeMs: number;
}

/** The sign-in of a person at Entra, in a browser. */
export interface BrowserSignIns {
  /** Returns where the browser signs in, and the cookie that ties the sign-in to this browser. Call it after the person agreed. */
  begin(
    purpose: SignInPurpose,
    tenant?: string,
  ): Promise<{ readonly location: string; readonly cookie: Cookie }>;
  /**
   * Takes what came back from Entra. A state is valid for ten minutes, once, and in the browser of its cookie. `purpose` is there as
   * soon as the state and the browser are right, also where Entra refused.
   */
  end(answer: EntraAnswer): Promise<EndedSignIn>;
}

export interface EntraAnswer {
  readonly state: string | null;
  readonly code: string | null;
  readonly error: string | null;
  readonly cookie: (name: string) => string | undefined;
}

export interface EndedSignIn {
  readonly purpose?: SignInPurpose;
  readonly person: Result<EntraTokens>;
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64url');
const keyOf = (state: string): string => `mreg:sign-in:${hashOf(state)}`;
/** Each sign-in has a cookie of its own, so that two pages of one browser do not disturb each other. */
const cookieOf = (state: string): string => `mreg-sign-in-${hashOf(state).slice(0, 16)}`;

export function createBrowserSignIns(deps: {
  readonly entra: EntraSignIn;
  readonly state: StateStore;
  readonly seal: Seal;
  readonly newSecret: IdSource;
}): BrowserSignIns {
  const { entra, state: store, seal, newSecret } = deps;

  async function take(state: string): Promise<z.infer<typeof pendingSchema> | undefined> {
    const sealed = await store.get(keyOf(state));
    // Of two callers with one state, one deletes it.
    if (sealed === undefined || (await store.delete(keyOf(state))) === 'absent') return undefined;
    return pendingSchema.safeParse(seal.open('sign_in', ['state', state], sealed)).data;
  }

  return {
    async begin(purpose, tenant) {
      const [state, browser] = [newSecret(), newSecret()];
      const { url, pending } = await entra.begin({ state, ...(tenant !== undefined && { tenant }) });
      const content = { purpose, entra: pending, browser: hashOf(browser) };
      await store.set(keyOf(state), seal.close('sign_in', ['state', state], content), SIGN_IN_MS);
      return { location: url, cookie: { name: cookieOf(state), value: browser, maxAgeMs: SIGN_IN_MS } };
    },

    async end({ state, code, error, cookie }) {
      const pending = state === null ? undefined : await take(state);
      if (state === null || !pending)
        return {
          person: refused(
            'invalid_request',
            'state_unknown',
            'this sign-in has expired, or it was finished already',
          ),
        };
      if (!isEqual(hashOf(cookie(cookieOf(state)) ?? ''), pending.browser))
        return {
          person: refused('invalid_request', 'browser_changed', 'this sign-in began in another browser'),
        };
      return { purpose: pending.purpose, person: await redeemed(code, error, pending.entra) };
    },
  };

  async function redeemed(
    code: string | null,
    error: string | null,
    pending: z.infer<typeof pendingSchema>['entra'],
  ): Promise<Result<EntraTokens>> {
    if (error === 'temporarily_unavailable' || error === 'server_error')
      return refused('temporarily_unavailable', 'entra_unavailable', 'Entra does not answer: try again');
    if (code === null || error !== null)
      return refused('access_denied', 'entra_refused', 'the sign-in at Entra was cancelled or refused');
    const person = await entra.redeem(code, pending);
    if (person.ok) return succeed(person.value);
    return person.error.kind === 'unavailable'
      ? refused('temporarily_unavailable', 'entra_unavailable', 'Entra does not answer: try again')
      : refused('access_denied', 'entra_refused', person.error.message);
  }
}

const isEqual = (a: string, b: string): boolean => {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
};
