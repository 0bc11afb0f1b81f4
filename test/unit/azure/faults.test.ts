import { expect, test } from 'vitest';
import { type CheckName, checkNames, checks } from './checks/all.ts';
import { assignment, change, find, type Plant, set, setting, settingsOf, without } from './planting.ts';
import { readSnapshot, type SnapshotName, textAt } from './snapshot.ts';

const DATA_OWNER = '/providers/Microsoft.Authorization/roleDefinitions/090c5cfd-751d-490a-894a-3ce6f1109419';

interface Fault {
  readonly fault: string;
  readonly found: CheckName;
  readonly in?: SnapshotName;
  readonly plant: Plant;
}

const faults: readonly Fault[] = [
  {
    fault: 'a queue is missing',
    found: 'queues',
    plant: without('ServiceBus/namespaces/queues', 'agent-reports'),
  },
  {
    fault: 'a queue locks its messages longer than the topology says',
    found: 'queues',
    plant: change(['ServiceBus/namespaces/queues', 'mcp-debugger'], 'lockDuration', 'PT60S'),
  },
  {
    fault: 'a queue has a setting that the topology does not know',
    found: 'queues',
    plant: change(['ServiceBus/namespaces/queues'], 'requiresSession', true),
  },
  {
    fault: 'a table is missing',
    found: 'tables',
    plant: without('Storage/storageAccounts/tableServices/tables', 'idempotencyKeys'),
  },
  {
    fault: 'two apps share a plan',
    found: 'apps',
    plant: without('Web/serverfarms', 'func-mcp'),
  },
  {
    fault: 'a plan is spread over zones, which costs 670 USD a month',
    found: 'apps',
    plant: change(['Web/serverfarms', 'func-mcp'], 'zoneRedundant', true),
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
    plant: setting('mcp', 'MREG_TENANTS', ''),
  },
  {
    fault: 'a setting is misspelt',
    found: 'settings',
    plant: setting('mcp', 'MREG_ALLOWED_ORIGIN', 'https://portal.example.com'),
  },
  {
    fault: 'a setting is for development only',
    found: 'settings',
    plant: setting('management', 'MREG_PRIVATE_UPSTREAMS', 'allowed'),
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
    fault: 'an app runs the package of the other',
    found: 'ownParts',
    plant: (snapshot) => {
      const storage = 'functionAppConfig.deployment.storage.value';
      set(
        find(snapshot, ['Web/sites', 'func-mcp']),
        storage,
        textAt(find(snapshot, ['Web/sites', 'func-mana']), storage),
      );
    },
  },
  {
    fault: 'both apps use one host id, so that one timer of two fires',
    found: 'ownParts',
    plant: setting('mcp', 'AzureFunctionsWebHost__hostid', 'mreg'),
  },
  {
    fault: 'a setting is refused by Flex Consumption',
    found: 'flex',
    plant: setting('mcp', 'FUNCTIONS_WORKER_RUNTIME', 'node'),
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
    plant: setting('mcp', 'MREG_SEALING_KEYS', 'x'.repeat(40)),
  },
  {
    fault: 'the secrets of MCP clients stand in the settings',
    found: 'keys',
    plant: setting('mcp', 'MREG_CLIENTS', '{}'),
  },
  {
    fault: 'the client id of the sign-in is none',
    found: 'settings',
    plant: setting('mcp', 'MREG_SIGN_IN_CLIENT_ID', 'sign-in'),
  },
  {
    fault: 'the limits of requests are not JSON',
    found: 'settings',
    plant: setting('management', 'MREG_RATE_LIMITS', '{perSecond: 1}'),
  },
  {
    fault: 'an expression reads the keys of an account',
    found: 'keys',
    plant: (snapshot) => {
      set(
        find(snapshot, ['Insights/actionGroups']),
        'webhook',
        "[listKeys('stdata', '2025-06-01').keys[0].value]",
      );
    },
  },
  {
    fault: 'storage accepts keys',
    found: 'localAuth',
    plant: change(['Storage/storageAccounts', 'stdata'], 'allowSharedKeyAccess', true),
  },
  {
    fault: 'Service Bus accepts keys',
    found: 'localAuth',
    plant: change(['ServiceBus/namespaces'], 'disableLocalAuth', undefined),
  },
  {
    fault: 'a password publishes code',
    found: 'localAuth',
    plant: without('Web/sites/basicPublishingCredentialsPolicies', 'scm'),
  },
  {
    fault: 'an app accepts TLS 1.1',
    found: 'tls',
    plant: change(['Web/sites', 'func-mcp'], 'siteConfig.minTlsVersion', '1.1'),
  },
  {
    fault: 'Redis evicts sessions',
    found: 'state',
    plant: change(['Cache/redisEnterprise/databases'], 'evictionPolicy', 'VolatileLRU'),
  },
  {
    fault: 'a vault of a private environment is public',
    found: 'publicAccess',
    in: 'private',
    plant: change(['KeyVault/vaults'], 'publicNetworkAccess', 'Enabled'),
  },
  {
    fault: 'the private endpoint of the tables is missing',
    found: 'publicAccess',
    in: 'private',
    plant: without('Network/privateEndpoints', 'stdata'),
  },
  {
    fault: 'an app of a private environment is outside the network',
    found: 'publicAccess',
    in: 'private',
    plant: change(['Web/sites', 'func-mcp'], 'virtualNetworkSubnetId', undefined),
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
    plant: without('Cache/redisEnterprise/databases/accessPolicyAssignments', 'id-mcp-'),
  },
  {
    fault: 'the guide for operators does not know an alert',
    found: 'alerts',
    plant: (snapshot) => {
      find(snapshot, ['Insights/metricAlerts', 'backlog']).name = `latency-${snapshot.token}`;
    },
  },
  {
    fault: 'an alert looks for an event that nothing logs',
    found: 'logEvents',
    plant: (snapshot) => {
      const query = 'AppTraces | where Message contains \'"event":"audit_overflow"\'';
      set(find(snapshot, ['Insights/scheduledQueryRules']), 'criteria', { allOf: [{ query }] });
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
