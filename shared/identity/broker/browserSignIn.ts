import * as z from 'zod';
import type { IdSource } from '../../platform/base/ids.ts';
import { type Result, succeed } from '../../platform/base/result.ts';
import type { Seal } from '../../platform/security/seal.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import type { EntraSignIn, EntraTokens } from '../credentials/entraSignIn.ts';
import { SIGN_IN_MS } from '../limits.ts';
import { type Cookie, type CookieOf, createBrowserStates, stateRefusals } from '../sessions/browserStates.ts';
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
});

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
  readonly cookie: CookieOf;
}

export interface EndedSignIn {
  readonly purpose?: SignInPurpose;
  readonly person: Result<EntraTokens>;
}

export function createBrowserSignIns(deps: {
  readonly entra: EntraSignIn;
  readonly state: StateStore;
  readonly seal: Seal;
  readonly newSecret: IdSource;
}): BrowserSignIns {
  const { entra, newSecret } = deps;
  const kind = { name: 'sign-in', purpose: 'sign_in', schema: pendingSchema, lastsMs: SIGN_IN_MS } as const;
  const states = createBrowserStates(kind, deps);

  return {
    async begin(purpose, tenant) {
      const state = newSecret();
      const { url, pending } = await entra.begin({ state, ...(tenant !== undefined && { tenant }) });
      return { location: url, cookie: await states.keep(state, { purpose, entra: pending }) };
    },

    async end({ state, code, error, cookie }) {
      const taken = await states.take(state ?? '', cookie);
      if ('refusal' in taken)
        return { person: refused('invalid_request', taken.refusal, stateRefusals[taken.refusal]) };
      const { purpose, entra: pending } = taken.content;
      return { purpose, person: await redeemed(code, error, pending) };
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
