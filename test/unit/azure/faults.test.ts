import { expect, test } from 'vitest';
import { settingsResources } from './appSettings.ts';
import { type CheckName, checkNames, checks } from './checks/all.ts';
import {
  at,
  isObject,
  readSnapshot,
  type Resource,
  type Snapshot,
  type SnapshotName,
  textAt,
} from './snapshot.ts';

const find = ({ resources }: Snapshot, type: string, name = ''): Resource => {
  const found = resources.find((each) => each.type === `Microsoft.${type}` && each.name.includes(name));
  return found ?? expect.unreachable(`no ${type} ${name}`);
};

function remove(snapshot: Snapshot, type: string, name = ''): void {
  snapshot.resources.splice(snapshot.resources.indexOf(find(snapshot, type, name)), 1);
}

/** Sets a property by its path. Undefined removes it. */
function set(resource: Resource, path: string, value: unknown): void {
  const [, parent, name = ''] = /^(?:(.*)\.)?(\w+)$/.exec(path) ?? [];
  const target = parent === undefined ? resource.properties : at(resource, parent);
  if (!isObject(target)) throw new Error(`${resource.name} has no ${path}`);
  Reflect.set(target, name, value);
}

const settingsOf = (snapshot: Snapshot, app: string): Resource =>
  settingsResources(snapshot).find((each) => textAt(each, 'MREG_APP') === app) ?? expect.unreachable(app);

const assignment = (snapshot: Snapshot, who: string, on: string, role: string): Resource =>
  snapshot.resources.find(
    ({ type, id }) =>
      type.endsWith('/roleAssignments') && id.includes(`/id-${who}-`) && id.includes(on) && id.includes(role),
  ) ?? expect.unreachable(`no ${role}`);

const DATA_OWNER = '/providers/Microsoft.Authorization/roleDefinitions/090c5cfd-751d-490a-894a-3ce6f1109419';

interface Fault {
  readonly fault: string;
  readonly found: CheckName;
  readonly in?: SnapshotName;
  readonly plant: (snapshot: Snapshot) => void;
}

const faults: readonly Fault[] = [
  {
    fault: 'a queue is missing',
    found: 'queues',
    plant: (snapshot) => {
      remove(snapshot, 'ServiceBus/namespaces/queues', 'agent-reports');
    },
  },
  {
    fault: 'a queue locks its messages longer than the topology says',
    found: 'queues',
    plant: (snapshot) => {
      set(find(snapshot, 'ServiceBus/namespaces/queues', 'mcp-debugger'), 'lockDuration', 'PT60S');
    },
  },
  {
    fault: 'a queue has a setting that the topology does not know',
    found: 'queues',
    plant: (snapshot) => {
      set(find(snapshot, 'ServiceBus/namespaces/queues'), 'requiresSession', true);
    },
  },
  {
    fault: 'a table is missing',
    found: 'tables',
    plant: (snapshot) => {
      remove(snapshot, 'Storage/storageAccounts/tableServices/tables', 'idempotencyKeys');
    },
  },
  {
    fault: 'two apps share a plan',
    found: 'apps',
    plant: (snapshot) => {
      remove(snapshot, 'Web/serverfarms', 'func-mcp');
    },
  },
  {
    fault: 'a plan is spread over zones, which costs 670 USD a month',
    found: 'apps',
    plant: (snapshot) => {
      set(find(snapshot, 'Web/serverfarms', 'func-mcp'), 'zoneRedundant', true);
    },
  },
  {
    fault: 'an output that the hooks read is missing',
    found: 'outputs',
    plant: ({ outputs }) => {
      delete outputs['MREG_IDENTITIES'];
    },
  },
  {
    fault: 'a required setting is missing',
    found: 'settings',
    plant: (snapshot) => {
      set(settingsOf(snapshot, 'mcp'), 'MREG_TENANTS', '');
    },
  },
  {
    fault: 'a setting is misspelt',
    found: 'settings',
    plant: (snapshot) => {
      set(settingsOf(snapshot, 'mcp'), 'MREG_ALLOWED_ORIGIN', 'https://portal.example.com');
    },
  },
  {
    fault: 'a setting is for development only',
    found: 'settings',
    plant: (snapshot) => {
      set(settingsOf(snapshot, 'management'), 'MREG_PRIVATE_UPSTREAMS', 'allowed');
    },
  },
  {
    fault: 'an app signs in with the identity of the other',
    found: 'ownParts',
    plant: (snapshot) => {
      set(
        settingsOf(snapshot, 'mcp'),
        'AZURE_CLIENT_ID',
        settingsOf(snapshot, 'management').properties['AZURE_CLIENT_ID'],
      );
    },
  },
  {
    fault: 'both apps use one host id, so that one timer of two fires',
    found: 'ownParts',
    plant: (snapshot) => {
      set(settingsOf(snapshot, 'mcp'), 'AzureFunctionsWebHost__hostid', 'mreg');
    },
  },
  {
    fault: 'a setting is refused by Flex Consumption',
    found: 'flex',
    plant: (snapshot) => {
      set(settingsOf(snapshot, 'mcp'), 'FUNCTIONS_WORKER_RUNTIME', 'node');
    },
  },
  {
    fault: 'the host uses a connection string of its storage',
    found: 'keys',
    plant: (snapshot) => {
      const value = 'DefaultEndpointsProtocol=https;AccountName=x;AccountKey=eHg=';
      set(settingsOf(snapshot, 'mcp'), 'AzureWebJobsStorage', value);
    },
  },
  {
    fault: 'the sealing key stands in the settings',
    found: 'keys',
    plant: (snapshot) => {
      set(settingsOf(snapshot, 'mcp'), 'MREG_SEALING_KEYS', 'x'.repeat(40));
    },
  },
  {
    fault: 'an expression reads the keys of an account',
    found: 'keys',
    plant: (snapshot) => {
      set(
        find(snapshot, 'Insights/actionGroups'),
        'webhook',
        "[listKeys('stdata', '2025-06-01').keys[0].value]",
      );
    },
  },
  {
    fault: 'storage accepts keys',
    found: 'localAuth',
    plant: (snapshot) => {
      set(find(snapshot, 'Storage/storageAccounts', 'stdata'), 'allowSharedKeyAccess', true);
    },
  },
  {
    fault: 'Service Bus accepts keys',
    found: 'localAuth',
    plant: (snapshot) => {
      set(find(snapshot, 'ServiceBus/namespaces'), 'disableLocalAuth', undefined);
    },
  },
  {
    fault: 'a password publishes code',
    found: 'localAuth',
    plant: (snapshot) => {
      remove(snapshot, 'Web/sites/basicPublishingCredentialsPolicies', 'scm');
    },
  },
  {
    fault: 'an app accepts TLS 1.1',
    found: 'tls',
    plant: (snapshot) => {
      set(find(snapshot, 'Web/sites', 'func-mcp'), 'siteConfig.minTlsVersion', '1.1');
    },
  },
  {
    fault: 'Redis evicts sessions',
    found: 'state',
    plant: (snapshot) => {
      set(find(snapshot, 'Cache/redisEnterprise/databases'), 'evictionPolicy', 'VolatileLRU');
    },
  },
  {
    fault: 'a vault of a private environment is public',
    found: 'publicAccess',
    in: 'private',
    plant: (snapshot) => {
      set(find(snapshot, 'KeyVault/vaults'), 'publicNetworkAccess', 'Enabled');
    },
  },
  {
    fault: 'the private endpoint of the tables is missing',
    found: 'publicAccess',
    in: 'private',
    plant: (snapshot) => {
      remove(snapshot, 'Network/privateEndpoints', 'stdata');
    },
  },
  {
    fault: 'an app of a private environment is outside the network',
    found: 'publicAccess',
    in: 'private',
    plant: (snapshot) => {
      set(find(snapshot, 'Web/sites', 'func-mcp'), 'virtualNetworkSubnetId', undefined);
    },
  },
  {
    fault: 'an app may manage Service Bus',
    found: 'roles',
    plant: (snapshot) => {
      set(assignment(snapshot, 'mcp', '/namespaces/', 'Data Sender'), 'roleDefinitionId', DATA_OWNER);
    },
  },
  {
    fault: 'an app has a right on the host storage of the other',
    found: 'roles',
    plant: (snapshot) => {
      const own = assignment(snapshot, 'mcp', 'sthostmcp', 'Blob Data Owner');
      snapshot.resources.push({ ...own, id: own.id.replaceAll('sthostmcp', 'sthostmana') });
    },
  },
  {
    fault: 'a worker may not send its reports',
    found: 'roles',
    plant: (snapshot) => {
      const own = assignment(snapshot, 'mcp-debugger', '/queues/agent-reports', 'Data Sender');
      snapshot.resources.splice(snapshot.resources.indexOf(own), 1);
    },
  },
  {
    fault: 'the mcp app receives from the queue of the management app',
    found: 'roles',
    plant: (snapshot) => {
      const own = assignment(snapshot, 'mcp', '/queues/mcp-security-auditor', 'Data Receiver');
      own.id = own.id.replaceAll('mcp-security-auditor', 'mcp-orchestrator');
    },
  },
  {
    fault: 'an app may not use Redis',
    found: 'roles',
    plant: (snapshot) => {
      remove(snapshot, 'Cache/redisEnterprise/databases/accessPolicyAssignments', 'id-mcp-');
    },
  },
  {
    fault: 'the guide for operators does not know an alert',
    found: 'alerts',
    plant: (snapshot) => {
      find(snapshot, 'Insights/metricAlerts', 'backlog').name = `latency-${snapshot.token}`;
    },
  },
  {
    fault: 'an alert looks for an event that nothing logs',
    found: 'logEvents',
    plant: (snapshot) => {
      const query = 'AppTraces | where Message contains \'"event":"audit_overflow"\'';
      set(find(snapshot, 'Insights/scheduledQueryRules'), 'criteria', { allOf: [{ query }] });
    },
  },
  {
    fault: 'a resource sends no logs',
    found: 'diagnostics',
    plant: ({ resources }) => {
      resources.splice(
        resources.findIndex(
          ({ type, id }) => type.endsWith('/diagnosticSettings') && id.includes('/vaults/'),
        ),
        1,
      );
    },
  },
];

test.each(faults)('$fault: found by $found', ({ found, in: name = 'prod', plant }) => {
  const snapshot = readSnapshot(name);
  const before = checkNames.map((check) => checks[check](snapshot));
  plant(snapshot);
  const different = checkNames.filter(
    (check, index) => checks[check](snapshot).join() !== before[index]?.join(),
  );
  expect(different).toEqual([found]);
});

test('each check finds a fault', () => {
  expect(new Set(faults.map(({ found }) => found))).toEqual(new Set(checkNames));
});
