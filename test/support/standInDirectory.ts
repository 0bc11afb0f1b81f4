import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';

export type Entity = Record<string, unknown>;

/** Graph refuses a request with this status, code and message. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const bad = (message: string, code = 'Request_BadRequest') => new Refusal(400, code, message);

const newApplication = (): Entity => ({
  id: randomUUID(),
  appId: randomUUID(),
  uniqueName: null,
  displayName: null,
  signInAudience: 'AzureADandPersonalMicrosoftAccount',
  identifierUris: [],
  appRoles: [],
  api: {
    requestedAccessTokenVersion: null,
    acceptMappedClaims: null,
    knownClientApplications: [],
    oauth2PermissionScopes: [],
    preAuthorizedApplications: [],
  },
  optionalClaims: null,
  requiredResourceAccess: [],
  tags: [],
  publicClient: { redirectUris: [] },
  web: {
    redirectUris: [],
    redirectUriSettings: [],
    homePageUrl: null,
    logoutUrl: null,
    implicitGrantSettings: { enableIdTokenIssuance: false, enableAccessTokenIssuance: false },
  },
});

const members = {
  application: Object.keys(newApplication()).filter((name) => !['id', 'appId'].includes(name)),
  api: Object.keys(newApplication().api as Entity),
  web: ['redirectUris', 'homePageUrl', 'logoutUrl', 'implicitGrantSettings'],
  role: ['id', 'value', 'displayName', 'description', 'isEnabled', 'allowedMemberTypes'],
  scope: [
    ...['id', 'value', 'type', 'isEnabled', 'adminConsentDisplayName', 'adminConsentDescription'],
    ...['userConsentDisplayName', 'userConsentDescription'],
  ],
  client: ['appId', 'delegatedPermissionIds'],
  claims: ['accessToken', 'idToken', 'saml2Token'],
  servicePrincipal: ['appRoleAssignmentRequired', 'tags'],
  assignment: ['principalId', 'resourceId', 'appRoleId'],
  credential: ['issuer', 'subject', 'audiences', 'description'],
} as const;

function checkMembers(value: unknown, kind: keyof typeof members): void {
  const known: readonly string[] = members[kind];
  if (Object.keys(value as Entity).length === 0) throw bad('Empty Payload. JSON content expected.');
  if (Object.keys(value as Entity).some((name) => !known.includes(name)))
    throw bad('Unexpected contents in request body.');
}

const entities = (value: unknown): Entity[] => (Array.isArray(value) ? (value as Entity[]) : []);
const texts = (value: unknown): string[] => (Array.isArray(value) ? (value as string[]) : []);

/**
 * The part of a directory that the registrations of the gateway are in, with the rules of Microsoft Graph v1.0. It replaces
 * lists, as Graph does, and also `api` and `optionalClaims` as a whole, where Graph may be milder.
 */
export class StandInDirectory {
  readonly applications: Entity[] = [];
  readonly servicePrincipals: Entity[] = [];
  readonly assignments: Entity[] = [];
  readonly credentials = new Map<unknown, Entity[]>();
  readonly verifiedDomains: string[] = ['contoso.com'];

  /** Adds an application as somebody else may have made it. */
  addApplication(values: Entity): Entity {
    const app = { ...newApplication(), ...values };
    this.applications.push(app);
    return app;
  }

  /** Returns what Graph shows: roles and scopes with an `origin`, redirect URIs in both forms. */
  show(app: Entity): Entity {
    const shown = (list: unknown) => entities(list).map((entry) => ({ ...entry, origin: 'Application' }));
    const api = app['api'] as Entity;
    return {
      ...app,
      appRoles: shown(app['appRoles']),
      api: { ...api, oauth2PermissionScopes: shown(api['oauth2PermissionScopes']) },
    };
  }

  patchApplication(app: Entity, patch: Entity): void {
    checkMembers(patch, 'application');
    const next = { ...app, ...patch };
    if (patch['web']) {
      checkMembers(patch['web'], 'web');
      const web = { ...(app['web'] as Entity), ...(patch['web'] as Entity) };
      web['redirectUriSettings'] = texts(web['redirectUris']).map((uri) => ({ uri, index: null }));
      next['web'] = web;
    }
    const [before, after] = [app['api'] as Entity, next['api'] as Entity];
    checkMembers(after, 'api');
    if (patch['optionalClaims']) checkMembers(patch['optionalClaims'], 'claims');
    for (const role of entities(patch['appRoles'])) checkMembers(role, 'role');
    this.checkEntitlements(entities(app['appRoles']), entities(next['appRoles']));
    if (patch['api']) {
      const scopes = entities(after['oauth2PermissionScopes']);
      for (const scope of scopes) checkMembers(scope, 'scope');
      this.checkEntitlements(entities(before['oauth2PermissionScopes']), scopes);
      for (const client of entities(after['preAuthorizedApplications'])) {
        checkMembers(client, 'client');
        // A scope of the same request does not count.
        const known = entities(before['oauth2PermissionScopes']).map(({ id }) => id);
        if (texts(client['delegatedPermissionIds']).some((id) => !known.includes(id)))
          throw bad(
            'Property api.preAuthorizedApplications.delegatedPermissionIds has a Permission Id that cannot be found in the AppPermissions sets.',
            'InvalidValue',
          );
      }
    }
    const there = texts(app['identifierUris']);
    for (const uri of texts(next['identifierUris']).filter((text) => !there.includes(text)))
      this.checkUri(uri, app, before);
    Object.assign(app, next);
  }

  private checkEntitlements(before: readonly Entity[], after: readonly Entity[]): void {
    for (const old of before.filter(({ isEnabled }) => isEnabled === true)) {
      const kept = after.find(({ id }) => id === old['id']);
      if (!kept || !isDeepStrictEqual({ ...kept, isEnabled: true }, old))
        throw bad(
          'Permission (scope or role) cannot be deleted or updated unless disabled first.',
          'CannotDeleteOrUpdateEnabledEntitlement',
        );
    }
    for (const member of ['id', 'value'])
      if (new Set(after.map((entry) => entry[member])).size < after.length)
        throw bad(`It contains duplicate ${member}s.`, 'InvalidValue');
  }

  private checkUri(uri: string, app: Entity, api: Entity): void {
    if (uri === `api://${String(app['appId'])}`) return;
    if (api['requestedAccessTokenVersion'] !== 2) throw bad('The application does not accept v2 tokens.');
    const { hostname } = new URL(uri);
    if (!this.verifiedDomains.some((domain) => hostname.endsWith(`.${domain}`)))
      throw bad(
        `Values of identifierUris property must use a verified domain of the organization or its subdomain: '${uri}'`,
        'HostNameNotOnVerifiedDomain',
      );
  }

  createApplication(uniqueName: string, patch: Entity): Entity {
    if (typeof patch['displayName'] !== 'string') throw bad('displayName is required.');
    const app = this.addApplication({ uniqueName });
    this.patchApplication(app, patch);
    return app;
  }

  createServicePrincipal(appId: string, patch: Entity): Entity {
    checkMembers(patch, 'servicePrincipal');
    if (!this.applications.some((app) => app['appId'] === appId))
      throw bad(
        `The appId '${appId}' of the service principal does not reference a valid application object.`,
      );
    const made = { id: randomUUID(), appId, appRoleAssignmentRequired: false, ...patch };
    this.servicePrincipals.push(made);
    return made;
  }

  assign(resource: Entity, assignment: Entity): Entity {
    checkMembers(assignment, 'assignment');
    if (assignment['resourceId'] !== resource['id']) throw bad('resourceId is not the id of the path.');
    const app = this.applications.find(({ appId }) => appId === resource['appId']);
    if (!entities(app?.['appRoles']).some(({ id }) => id === assignment['appRoleId']))
      throw bad('Permission being assigned was not found on application');
    if (
      this.assignments.some((there) =>
        isDeepStrictEqual({ ...there, id: undefined }, { ...assignment, id: undefined }),
      )
    )
      throw bad('Permission being assigned already exists on the object');
    const made = { ...assignment, id: randomUUID() };
    this.assignments.push(made);
    return made;
  }

  /** Returns whether the credential was created. */
  setCredential(app: Entity, name: string, body: Entity): boolean {
    checkMembers(body, 'credential');
    const there = this.credentials.get(app['id']) ?? [];
    const old = there.find((credential) => credential['name'] === name);
    if (
      there.some(
        (other) =>
          other !== old && other['issuer'] === body['issuer'] && other['subject'] === body['subject'],
      )
    )
      throw new Refusal(
        409,
        'Request_MultipleObjectsWithSameKeyValue',
        'FederatedIdentityCredential with the same issuer and subject exists.',
      );
    if (old) Object.assign(old, body);
    else this.credentials.set(app['id'], [...there, { id: randomUUID(), name, ...body }]);
    return !old;
  }
}
