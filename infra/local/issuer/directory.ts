import type { Role } from '../../../shared/identity/access/actor.ts';

/** A person of a tenant, as the directory of Entra holds one. */
export interface Person {
  readonly tenant: string;
  /** Entra's object id. */
  readonly oid: string;
  readonly name: string;
  readonly username: string;
  /** The app roles at the gateway. */
  readonly roles: readonly Role[];
}

/** How a client proves itself at the token endpoint. A public client has no proof. */
export type ClientProof =
  | { readonly kind: 'none' }
  | { readonly kind: 'secret'; readonly secret: string }
  | {
      readonly kind: 'assertion';
      /** Returns whether a federated credential matches the assertion. */
      readonly accepts: (assertion: string) => boolean;
    };

/** An app registration that signs people in, or that exchanges their tokens. */
export interface Client {
  readonly id: string;
  readonly name: string;
  /** Redirect URIs, compared letter by letter; or every URI with http of a loopback address, with any port and path. */
  readonly redirectUris: readonly string[] | 'loopback';
  readonly proof: ClientProof;
}

/** What is registered: people, clients and the API of the gateway. */
export interface Directory {
  /** Names of the tenants, by their id. */
  readonly tenants: Readonly<Record<string, string>>;
  readonly people: readonly Person[];
  readonly clients: readonly Client[];
  readonly api: { readonly clientId: string; readonly identifierUris: readonly string[] };
}

/** The people as they are now. Changes last until the process ends. */
export interface People {
  all(): readonly Person[];
  find(oid: string): Person | undefined;
  isDisabled(oid: string): boolean;
  /** Milliseconds since the epoch. Tokens that were issued before are not valid. */
  validFrom(oid: string): number;
  disable(oid: string): void;
  enable(oid: string): void;
  /** Ends the refresh tokens that were issued until now. */
  revoke(oid: string): void;
  assignRoles(oid: string, roles: readonly Role[]): void;
}

export function createPeople(people: readonly Person[]): People {
  const disabled = new Set<string>();
  const revokedAt = new Map<string, number>();
  const current = new Map(people.map((person) => [person.oid, person]));
  return {
    all: () => [...current.values()],
    find: (oid) => current.get(oid),
    isDisabled: (oid) => disabled.has(oid),
    validFrom: (oid) => revokedAt.get(oid) ?? 0,
    disable: (oid) => void disabled.add(oid),
    enable: (oid) => void disabled.delete(oid),
    revoke: (oid) => void revokedAt.set(oid, Date.now()),
    assignRoles: (oid, roles) => {
      const person = current.get(oid);
      if (person) current.set(oid, { ...person, roles });
    },
  };
}
