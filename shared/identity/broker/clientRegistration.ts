import * as z from 'zod';
import type { Clock } from '../../platform/base/clock.ts';
import { derivedId, type IdSource } from '../../platform/base/ids.ts';
import { fail, type Result, succeed } from '../../platform/base/result.ts';
import { addressBlockOf } from '../../platform/security/addressRules.ts';
import type { StateStore } from '../../platform/state/stateStore.ts';
import type { Replacement, Stored } from '../../platform/tables/tables.ts';
import {
  CLIENT_LIFETIME_MS,
  CLIENT_USE_MS,
  REGISTRATIONS_AN_HOUR,
  REGISTRATIONS_OF_AN_ADDRESS,
} from '../limits.ts';
import { secretHashOf } from './authenticateClient.ts';
import type { OAuthClient } from './client.ts';
import { clientMetadataSchema, nameOf, redirectUrisProblem } from './clientMetadata.ts';
import { oauthFailure } from './oauthError.ts';
import { redirectUriProblem, withoutLoopbackPort } from './redirectUris.ts';

/** A client that registered itself (RFC 7591), as it is stored. */
export const registeredClientSchema = z.object({
  id: z.string(),
  name: z.string(),
  redirectUris: z.array(z.string()).readonly(),
  /** SHA-256 of its secret in base64url. */
  secretHash: z.string().optional(),
  createdAt: z.iso.datetime(),
  /** The last day on which it was used, within `CLIENT_USE_MS`. */
  usedAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
});
export type RegisteredClient = Readonly<z.infer<typeof registeredClientSchema>>;

/** Stores clients that registered themselves. They are of no tenant. A failure of the store is thrown. */
export interface RegisteredClientStore {
  find(id: string): Promise<Stored<RegisteredClient> | undefined>;
  add(client: RegisteredClient): Promise<'inserted' | 'exists'>;
  replace(client: RegisteredClient, etag: string): Promise<Replacement>;
  /** Removes clients that have expired, at most 20,000 a call. */
  purge(now: Date): Promise<void>;
}

export interface RegistrationDeps {
  readonly registeredClients: RegisteredClientStore;
  readonly state: StateStore;
  readonly clock: Clock;
  readonly newId: IdSource;
  readonly newSecret: IdSource;
}

/** What a client learns of its registration (RFC 7591, section 3.2.1). */
export interface Registration {
  readonly client: RegisteredClient;
  readonly redirectUris: readonly string[];
  readonly authMethod: AuthMethod;
  readonly secret?: string;
}

const authMethods = ['none', 'client_secret_basic', 'client_secret_post'] as const;
type AuthMethod = (typeof authMethods)[number];
const isAuthMethod = (text: string): text is AuthMethod => authMethods.some((method) => method === text);

/** The grants that a client may ask for. Others in its metadata are left out of the answer (RFC 7591, section 3.2.1). */
export const registrableGrants = ['authorization_code', 'refresh_token'] as const;

const metadataProblem = (message: string): Result<never> => oauthFailure('invalid_client_metadata', message);

/** Reads the metadata of a registration. Failures: `invalid_redirect_uri`, `invalid_client_metadata`. */
function readMetadata(
  body: unknown,
): Result<Omit<Registration, 'client' | 'secret'> & { readonly name: string }> {
  const parsed = clientMetadataSchema.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = issue?.path.slice(0, 2).join('.') ?? '';
    return metadataProblem(`${path === '' ? 'the metadata' : path}: ${issue?.message ?? 'is not valid'}`);
  }
  const { redirect_uris: asked = [], grant_types, response_types } = parsed.data;
  // Clients list the URIs of all their forms, some with a custom scheme. The answer says which are registered (RFC 7591, section 3.2.1).
  const redirectUris = asked.filter((uri) => redirectUriProblem(uri, 'registered') === undefined);
  if (redirectUris.length === 0) {
    const problem = redirectUrisProblem(asked, 'registered') ?? 'redirect_uris must name at least one URI';
    return oauthFailure('invalid_redirect_uri', problem);
  }
  if (grant_types && !grant_types.includes('authorization_code'))
    return metadataProblem('grant_types must include authorization_code');
  if (response_types && !response_types.includes('code'))
    return metadataProblem('response_types must include code');
  // The default of RFC 7591, section 2.
  const authMethod = parsed.data.token_endpoint_auth_method ?? 'client_secret_basic';
  if (!isAuthMethod(authMethod))
    return metadataProblem(`token_endpoint_auth_method must be one of ${authMethods.join(', ')}`);
  return succeed({ redirectUris, authMethod, name: nameOf(parsed.data) });
}

/**
 * Registers a client. A public client has an id that follows from its name and its redirect URIs: it gets the same one again, so
 * that repeated registrations take no room, a consent holds, and a revoked client stays revoked. A client with a secret is new each
 * time. `address` is where the request comes from. Failures: `invalid_redirect_uri`, `invalid_client_metadata`, and `exhausted` once
 * too many clients are new.
 */
export async function registerClient(
  body: unknown,
  deps: RegistrationDeps,
  address?: string,
): Promise<Result<Registration>> {
  const read = readMetadata(body);
  if (!read.ok) return read;
  const { name, redirectUris, authMethod } = read.value;
  const { registeredClients: store, newId, newSecret } = deps;
  const secret = authMethod === 'none' ? undefined : newSecret();
  // A native app chooses another port at each start.
  const lasting = redirectUris.map(withoutLoopbackPort).sort();
  const id = secret === undefined ? derivedId(['client', name, lasting]) : newId();
  const now = deps.clock.now();
  const client: RegisteredClient = {
    id,
    name,
    redirectUris,
    ...(secret !== undefined && { secretHash: secretHashOf(secret) }),
    createdAt: now.toISOString(),
    ...usedFrom(now),
  };
  const stored = await store.find(id);
  if (stored) await keepInUse(stored, deps);
  else {
    if (!(await isRoom(deps.state, address))) return tooMany;
    await store.add(client);
  }
  const registration = { client: stored?.value ?? client, redirectUris, authMethod };
  return succeed(secret === undefined ? registration : { ...registration, secret });
}

/** Counts a new client: of its address first, because what is over that share must not count for all. */
async function isRoom(state: StateStore, address: string | undefined): Promise<boolean> {
  const isWithin = async (name: string, limit: number): Promise<boolean> =>
    (await state.increment(`mreg:registrations${name}`, 1, 3_600_000)).count <= limit;
  if (
    address !== undefined &&
    !(await isWithin(`:${derivedId(addressBlockOf(address))}`, REGISTRATIONS_OF_AN_ADDRESS))
  )
    return false;
  return isWithin('', REGISTRATIONS_AN_HOUR);
}

const tooMany = fail({
  kind: 'exhausted',
  message:
    'too many new clients have registered within an hour: use a client id metadata document, or let an administrator add the client to the settings',
  retryAfterMs: 600_000,
});

/** Finds a registered client, and notes that it is in use. */
export async function findRegistered(
  id: string,
  deps: Pick<RegistrationDeps, 'registeredClients' | 'clock'>,
): Promise<OAuthClient | undefined> {
  const stored = await deps.registeredClients.find(id);
  if (!stored || Date.parse(stored.value.expiresAt) <= deps.clock.now().getTime()) return undefined;
  await keepInUse(stored, deps);
  const { name, redirectUris, secretHash } = stored.value;
  return { id, kind: 'registered', name, redirectUris, ...(secretHash !== undefined && { secretHash }) };
}

/** Begins the lifetime of a client anew, at most once a day. Of two callers one does so, and that is enough. */
async function keepInUse(
  { value, etag }: Stored<RegisteredClient>,
  { registeredClients, clock }: Pick<RegistrationDeps, 'registeredClients' | 'clock'>,
): Promise<void> {
  const now = clock.now();
  if (now.getTime() - Date.parse(value.usedAt) < CLIENT_USE_MS) return;
  await registeredClients.replace({ ...value, ...usedFrom(now) }, etag);
}

const usedFrom = (now: Date): Pick<RegisteredClient, 'usedAt' | 'expiresAt'> => ({
  usedAt: now.toISOString(),
  expiresAt: new Date(now.getTime() + CLIENT_LIFETIME_MS).toISOString(),
});
