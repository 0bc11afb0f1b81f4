import { at, leafOf, ofType, type Resource, type Snapshot } from '../snapshot.ts';

interface Rule {
  readonly type: string;
  readonly property: string;
  readonly value: string | boolean;
}

const rule = (type: string, property: string, value: string | boolean): Rule => ({ type, property, value });

const breaches = (snapshot: Snapshot, rules: readonly Rule[]): string[] =>
  rules.flatMap(({ type, property, value }) =>
    ofType(snapshot, type)
      .filter((resource) => at(resource, property) !== value)
      .map((resource) => `${type} ${leafOf(resource)}: ${property} is not ${String(value)}`),
  );

const storage = 'Microsoft.Storage/storageAccounts';
const serviceBus = 'Microsoft.ServiceBus/namespaces';
const redis = 'Microsoft.Cache/redisEnterprise';
const vault = 'Microsoft.KeyVault/vaults';
const site = 'Microsoft.Web/sites';

/** Identities are the only way in. */
const localAuthRules = [
  rule(storage, 'allowSharedKeyAccess', false),
  rule(storage, 'allowBlobPublicAccess', false),
  rule(storage, 'allowCrossTenantReplication', false),
  rule(serviceBus, 'disableLocalAuth', true),
  rule(`${redis}/databases`, 'accessKeysAuthentication', 'Disabled'),
  rule(vault, 'enableRbacAuthorization', true),
  rule('Microsoft.OperationalInsights/workspaces', 'features.disableLocalAuth', true),
  rule('Microsoft.Insights/components', 'DisableLocalAuth', true),
  rule(`${site}/basicPublishingCredentialsPolicies`, 'allow', false),
];

export const checkLocalAuth = (snapshot: Snapshot): string[] => [
  ...breaches(snapshot, localAuthRules),
  ...ofType(snapshot, vault)
    .filter((each) => at(each, 'accessPolicies') !== undefined)
    .map(({ name }) => `${name}: has access policies`),
  ...ofType(snapshot, site).flatMap(({ name }) =>
    ['ftp', 'scm']
      .filter(
        (door) =>
          !snapshot.resources.some(
            (each) => each.type.startsWith(`${site}/basic`) && each.name === `${name}/${door}`,
          ),
      )
      .map((door) => `${name}: a password publishes by ${door}`),
  ),
];

const tlsRules = [
  rule(storage, 'minimumTlsVersion', 'TLS1_2'),
  rule(storage, 'supportsHttpsTrafficOnly', true),
  rule(serviceBus, 'minimumTlsVersion', '1.2'),
  rule(redis, 'minimumTlsVersion', '1.2'),
  rule(`${redis}/databases`, 'clientProtocol', 'Encrypted'),
  rule(site, 'httpsOnly', true),
  rule(site, 'siteConfig.minTlsVersion', '1.2'),
  rule(site, 'siteConfig.scmMinTlsVersion', '1.2'),
];

export const checkTls = (snapshot: Snapshot): string[] => breaches(snapshot, tlsRules);

/** Redis holds sessions and leases, which it must not evict. The apps use one connection, which a cluster would redirect. */
const stateRules = [
  rule(`${redis}/databases`, 'evictionPolicy', 'NoEviction'),
  rule(`${redis}/databases`, 'clusteringPolicy', 'NoCluster'),
  rule(vault, 'enableSoftDelete', true),
];

export const checkState = (snapshot: Snapshot): string[] => breaches(snapshot, stateRules);

const privateRules = [
  ...[storage, serviceBus, redis, vault].map((type) => rule(type, 'publicNetworkAccess', 'Disabled')),
  rule(storage, 'networkAcls.defaultAction', 'Deny'),
  rule(vault, 'networkAcls.defaultAction', 'Deny'),
];

/** The doors of each resource that need a private endpoint. */
function doorsOf(snapshot: Snapshot): { readonly id: string; readonly group: string }[] {
  const doors = (type: string, ...groups: string[]) =>
    ofType(snapshot, type).flatMap(({ id }) => groups.map((group) => ({ id, group })));
  const hasBlobs = (id: string) =>
    ofType(snapshot, `${storage}/blobServices`).some((blobs) => blobs.id.startsWith(`${id}/`));
  return [
    ...doors(storage, 'table'),
    ...doors(storage, 'blob').filter(({ id }) => hasBlobs(id)),
    ...doors(serviceBus, 'namespace'),
    ...doors(redis, 'redisEnterprise'),
    ...doors(vault, 'vault'),
  ];
}

/** In a private network, what the apps stand on has no public access and a private endpoint for each of its services. */
export function checkPublicAccess(snapshot: Snapshot): string[] {
  if (snapshot.name !== 'private') return [];
  const endpoints = ofType(snapshot, 'Microsoft.Network/privateEndpoints').map((each) =>
    JSON.stringify(each),
  );
  return [
    ...breaches(snapshot, privateRules),
    ...snapshot.resources
      .filter((each) => isPublic(each) && !privateRules.some(({ type }) => type === each.type))
      .map(({ type, name }) => `${type} ${name}: is public`),
    ...doorsOf(snapshot)
      .filter(
        ({ id, group }) =>
          !endpoints.some((each) => each.includes(`"${id}"`) && each.includes(`"groupIds":["${group}"]`)),
      )
      .map(({ id, group }) => `${id}: no private endpoint for ${group}`),
    ...ofType(snapshot, site)
      .filter((each) => at(each, 'virtualNetworkSubnetId') === undefined)
      .map(({ name }) => `${name}: is outside the network`),
  ];
}

const isPublic = (resource: Resource): boolean =>
  resource.type === 'Microsoft.Network/publicIPAddresses' ||
  /"publicNetworkAccess\w*":"Enabled"/.test(JSON.stringify(resource));
