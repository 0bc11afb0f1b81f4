import topology from '../../../../infra/topology.json' with { type: 'json' };
import { at, leafOf, ofType, type Resource, type Snapshot, textAt } from '../snapshot.ts';

/** Returns what one list has and the other lacks. */
export function differences(what: string, found: readonly string[], wanted: readonly string[]): string[] {
  return [
    ...wanted.filter((each) => !found.includes(each)).map((each) => `missing ${what}: ${each}`),
    ...found.filter((each) => !wanted.includes(each)).map((each) => `unexpected ${what}: ${each}`),
    ...found
      .filter((each, index) => found.indexOf(each) !== index)
      .map((each) => `twice the ${what} ${each}`),
  ];
}

const { lockDurationSeconds, maxDeliveryCount, duplicateDetectionWindowSeconds, defaultTimeToLiveSeconds } =
  topology.queueSettings;

/** The settings of each queue in Azure's words. */
const queueProperties = {
  lockDuration: `PT${lockDurationSeconds}S`,
  maxDeliveryCount,
  requiresDuplicateDetection: true,
  duplicateDetectionHistoryTimeWindow: `PT${duplicateDetectionWindowSeconds}S`,
  defaultMessageTimeToLive: `PT${defaultTimeToLiveSeconds}S`,
  deadLetteringOnMessageExpiration: false,
};

const inNamespace = (queue: Resource) => queue.name.split('/').length === 2;

export function checkQueues(snapshot: Snapshot): string[] {
  const queues = ofType(snapshot, 'Microsoft.ServiceBus/namespaces/queues').filter(inNamespace);
  const wanted = [...topology.agents, ...topology.queues].map(({ name }) => name);
  return [
    ...differences('queue', queues.map(leafOf), wanted),
    ...queues.flatMap((queue) =>
      Object.entries({ ...queueProperties, ...queue.properties })
        .filter(
          ([name]) => at(queue, name) !== new Map<string, unknown>(Object.entries(queueProperties)).get(name),
        )
        .map(([name]) => `${leafOf(queue)}: ${name} is ${String(at(queue, name))}`),
    ),
  ];
}

export const checkTables = (snapshot: Snapshot): string[] =>
  differences(
    'table',
    ofType(snapshot, 'Microsoft.Storage/storageAccounts/tableServices/tables').map(({ name }) => name),
    topology.tables.map((table) => `stdata${snapshot.token}/default/${table}`),
  );

/** Each app has one site, which azd finds by its tag, one plan in one zone and one set of settings. */
export function checkApps(snapshot: Snapshot): string[] {
  const apps = topology.apps.map(({ name }) => name);
  const sites = ofType(snapshot, 'Microsoft.Web/sites');
  return [
    ...differences(
      'app',
      sites.map(({ tags }) => tags['azd-service-name'] ?? ''),
      apps,
    ),
    ...differences(
      'plan',
      ofType(snapshot, 'Microsoft.Web/serverfarms').map(({ id }) => id),
      sites.map((site) => textAt(site, 'serverFarmId')),
    ),
    ...differences(
      'settings of the site',
      ofType(snapshot, 'Microsoft.Web/sites/config').map(({ name }) => name),
      sites.map(({ name }) => `${name}/appsettings`),
    ),
    ...ofType(snapshot, 'Microsoft.Web/serverfarms')
      .filter((plan) => at(plan, 'zoneRedundant') !== false)
      .map(({ name }) => `${name}: zones cost two instances for each scaling group`),
    ...sites
      .filter(
        (site) =>
          textAt(site, 'functionAppConfig.runtime.name') !== 'node' ||
          textAt(site, 'functionAppConfig.runtime.version') !== '24',
      )
      .map(({ name }) => `${name}: does not run on Node 24`),
  ];
}

/** What `azd` and the hooks read. */
const outputNames = [
  'AZURE_RESOURCE_GROUP',
  'AZURE_TENANT_ID',
  'AZURE_LOCATION',
  'MREG_PUBLIC_ORIGIN',
  'MREG_MANAGEMENT_ORIGIN',
  'MREG_APPS',
  'MREG_IDENTITIES',
  'MREG_KEY_VAULT',
  'MREG_API_CLIENT_ID',
];

export const checkOutputs = ({ outputs }: Snapshot): string[] =>
  differences('output', Object.keys(outputs), outputNames);
