import * as z from 'zod';
import type { AuthorizationRequest } from '../../../shared/identity/broker/authorizationRequest.ts';
import { consentIdOf } from '../../../shared/identity/broker/consent.ts';
import { isLoopback } from '../../../shared/identity/broker/redirectUris.ts';
import { GRANT_MS } from '../../../shared/identity/limits.ts';
import type { Cookie } from '../../../shared/identity/sessions/browserStates.ts';
import type { OAuthDeps } from './deps.ts';

const NAME = 'mreg-consents';
/** Consents that a browser remembers. With more, the oldest is forgotten. */
const MAX_CONSENTS = 10;

const consentsSchema = z.array(z.object({ id: z.string(), tenantId: z.string(), userId: z.string() }));
type Remembered = z.infer<typeof consentsSchema>[number];
type CookieDeps = Pick<OAuthDeps, 'seal' | 'cookies'>;

/** An answer to an app on the machine could go to another program under the same name, so the page is shown each time. */
const canBeRemembered = ({ redirectUri }: AuthorizationRequest): boolean =>
  redirectUri.startsWith('https:') && !isLoopback(redirectUri);

const consentsIn = (headers: Headers, { seal, cookies }: CookieDeps): readonly Remembered[] =>
  consentsSchema.safeParse(seal.open('sign_in', [NAME], cookies.read(headers, NAME) ?? '')).data ?? [];

/** Returns who gave the consent that a request needs in this browser, if anybody did. It must be checked again after the sign-in. */
export function rememberedConsent(
  request: AuthorizationRequest,
  headers: Headers,
  deps: CookieDeps,
): Pick<Remembered, 'tenantId' | 'userId'> | undefined {
  if (!canBeRemembered(request)) return undefined;
  const id = consentIdOf(request);
  const found = consentsIn(headers, deps).find((consent) => consent.id === id);
  return found && { tenantId: found.tenantId, userId: found.userId };
}

/** Returns the cookie after the consent of a person, or without the consent where `person` is absent. */
export function rememberConsent(
  request: AuthorizationRequest,
  person: Pick<Remembered, 'tenantId' | 'userId'> | undefined,
  headers: Headers,
  deps: CookieDeps,
): Cookie | undefined {
  if (!canBeRemembered(request)) return undefined;
  const id = consentIdOf(request);
  const others = consentsIn(headers, deps).filter((consent) => consent.id !== id);
  const { tenantId, userId } = person ?? {};
  const own = tenantId === undefined || userId === undefined ? [] : [{ id, tenantId, userId }];
  const value = deps.seal.close('sign_in', [NAME], [...own, ...others].slice(0, MAX_CONSENTS));
  return { name: NAME, value, maxAgeMs: GRANT_MS };
}
