import topology from '../../../../infra/topology.json' with { type: 'json' };
import { appSettings } from '../appSettings.ts';
import { evaluate } from '../armExpression.ts';
import {
  expressionIn,
  identityIn,
  ofType,
  plainName,
  type Resource,
  type Snapshot,
  textAt,
} from '../snapshot.ts';
import { differences } from './topology.ts';

/** Ids that Azure gives the built-in roles in every tenant. */
const roleNames: Readonly<Record<string, string>> = {
  'b7e6dc6d-f1e8-4753-8033-0f276bb0955b': 'Storage Blob Data Owner',
  '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3': 'Storage Table Data Contributor',
  '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39': 'Azure Service Bus Data Sender',
  '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0': 'Azure Service Bus Data Receiver',
  '4633458b-17de-408a-b874-0445c86b69e6': 'Key Vault Secrets User',
  '3913510d-42f4-4e42-8a64-420c390055eb': 'Monitoring Metrics Publisher',
};

const queues = [...topology.agents, ...topology.queues];

/** Everything that an identity may do: `who: role on resource`. Nothing else is given. */
function roleTable(snapshot: Snapshot): string[] {
  const workers = (appSettings(snapshot, 'management')['MREG_EXTERNAL_AGENTS'] ?? '')
    .split(',')
    .filter((name) => name !== '');
  const hasRedis = ofType(snapshot, 'Microsoft.Cache/redisEnterprise').length > 0;
  const mayReceive = (app: string, queue: (typeof queues)[number]) =>
    app === 'management' || (queue.app === app && !workers.includes(queue.name));
  return [
    ...topology.apps.flatMap(({ name: app }) =>
      [
        `Storage Blob Data Owner on storageAccounts/sthost${app.slice(0, 4)}`,
        `Storage Table Data Contributor on storageAccounts/sthost${app.slice(0, 4)}`,
        'Storage Table Data Contributor on storageAccounts/stdata',
        'Azure Service Bus Data Sender on namespaces/sb',
        ...queues
          .filter((queue) => mayReceive(app, queue))
          .map(({ name }) => `Azure Service Bus Data Receiver on namespaces/sb/queues/${name}`),
        'Key Vault Secrets User on vaults/kv',
        'Monitoring Metrics Publisher on components/appi',
        ...(hasRedis ? ['default on redisEnterprise/redis/databases/default'] : []),
      ].map((right) => `${app}: ${right}`),
    ),
    ...workers.flatMap((worker) => [
      `${worker}: Azure Service Bus Data Receiver on namespaces/sb/queues/${worker}`,
      `${worker}: Azure Service Bus Data Sender on namespaces/sb/queues/agent-reports`,
    ]),
  ];
}

/** Returns the part of a resource id after its provider: `vaults/kv`. */
const placeOf = (snapshot: Snapshot, id: string): string =>
  plainName(snapshot, /\/providers\/Microsoft\.\w+\/([^']*)/.exec(id)?.[1] ?? id);

function assignmentOf(snapshot: Snapshot, resource: Resource): string {
  const who = identityIn(snapshot, resource.properties['principalId']) ?? 'somebody else';
  const role = textAt(resource, 'roleDefinitionId').split('/').at(-1) ?? '';
  const kind =
    textAt(resource, 'principalType') === 'ServicePrincipal' ? '' : ' (not as a service principal)';
  return `${who}: ${roleNames[role] ?? role} on ${placeOf(snapshot, resource.id)}${kind}`;
}

function redisAccessOf(snapshot: Snapshot, resource: Resource): string {
  const who = identityIn(snapshot, textAt(resource, 'user.objectId')) ?? 'somebody else';
  const name = expressionIn(resource.name);
  const [cluster = '', database = ''] = (name ? evaluate(name, () => who) : resource.name).split('/');
  return `${who}: ${textAt(resource, 'accessPolicyName')} on redisEnterprise/${plainName(snapshot, cluster)}/databases/${database}`;
}

/** The rights of all identities are those of the table, no more and no less. */
export const checkRoles = (snapshot: Snapshot): string[] => [
  ...differences(
    'right',
    [
      ...ofType(snapshot, 'Microsoft.Authorization/roleAssignments').map((each) =>
        assignmentOf(snapshot, each),
      ),
      ...ofType(snapshot, 'Microsoft.Cache/redisEnterprise/databases/accessPolicyAssignments').map((each) =>
        redisAccessOf(snapshot, each),
      ),
    ],
    roleTable(snapshot),
  ),
  ...ofType(snapshot, 'Microsoft.Authorization/roleDefinitions').map(
    ({ name }) => `role of our own: ${name}`,
  ),
];
