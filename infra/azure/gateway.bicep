import { budget, size } from 'types.bicep'

param token string
param location string
param tags object
param sizing size
param apiClientId string
param signInClientId string
param tenants string[]
param publicOrigin string
param managementOrigin string
param privateNetwork bool
param externalAgents string[]
param credentialsSecretName string
param clientsSecretName string
param moreSettings object
param alertEmails string[]
param monthlyBudget budget?
@secure()
param newSealingKey string

var topology = loadJsonContent('../topology.json')
var apps = map(topology.apps, app => app.name)
var queues = concat(topology.agents, topology.queues)

// mcp-orchestrator writes the registry, and a worker has no access to that.
var movableAgents = filter(map(topology.agents, agent => agent.name), name => name != 'mcp-orchestrator')
var workers = map(
  externalAgents,
  name =>
    contains(movableAgents, name)
      ? name
      : fail('externalAgents: unknown agent "${name}"; known agents: ${join(movableAgents, ', ')}')
)

var siteNames = map(apps, app => 'func-${app}-${token}')
var customOrigins = { management: managementOrigin, mcp: publicOrigin }
var origins = toObject(
  range(0, length(apps)),
  i => apps[i],
  i => empty(customOrigins[apps[i]]) ? 'https://${siteNames[i]}.azurewebsites.net' : customOrigins[apps[i]]
)

var hostStorageNames = map(apps, app => 'sthost${take(app, 4)}${token}')
var dataStorageName = 'stdata${token}'
var serviceBusName = 'sb-${token}'
var keyVaultName = 'kv-${token}'
var secretsUrl = 'https://${keyVaultName}${environment().suffixes.keyvaultDns}/secrets'

// The apps first, so that an app has the same index in `apps` and here.
var identityNames = concat(apps, workers)
resource identities 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = [
  for name in identityNames: {
    name: 'id-${name}-${token}'
    location: location
    tags: tags
  }
]

module monitoring 'modules/monitoring.bicep' = {
  params: {
    token: token
    location: location
    tags: tags
    retentionDays: sizing.logRetentionDays
    dailyQuotaGb: sizing.dailyLogQuotaGb
    publisherPrincipalIds: [for i in range(0, length(apps)): identities[i].properties.principalId]
    alertEmails: alertEmails
  }
}

module network 'modules/network.bicep' = if (privateNetwork) {
  params: {
    token: token
    location: location
    tags: tags
    apps: apps
    hasRedis: sizing.?redis != null
  }
}

// One account for each app: an app that can write the package of the other can run code as the other.
module hostStorage 'modules/storage.bicep' = [
  for (app, i) in apps: {
    params: {
      name: hostStorageNames[i]
      location: location
      tags: tags
      sku: sizing.storageSku
      containers: ['package']
      tables: []
      blobOwnerPrincipalIds: [identities[i].properties.principalId]
      tableContributorPrincipalIds: [identities[i].properties.principalId]
      workspaceId: monitoring.outputs.workspaceId
      isPrivate: privateNetwork
      subnetId: network.?outputs.endpointSubnetId
      zoneIds: network.?outputs.zoneIds
    }
  }
]

module dataStorage 'modules/storage.bicep' = {
  params: {
    name: dataStorageName
    location: location
    tags: tags
    sku: sizing.storageSku
    containers: []
    tables: topology.tables
    blobOwnerPrincipalIds: []
    tableContributorPrincipalIds: [for i in range(0, length(apps)): identities[i].properties.principalId]
    workspaceId: monitoring.outputs.workspaceId
    isPrivate: privateNetwork
    subnetId: network.?outputs.endpointSubnetId
    zoneIds: network.?outputs.zoneIds
  }
}

module serviceBus 'modules/serviceBus.bicep' = {
  params: {
    name: serviceBusName
    location: location
    tags: tags
    queueNames: map(queues, queue => queue.name)
    queueSettings: topology.queueSettings
    appAccess: [
      for (app, i) in apps: {
        principalId: identities[i].properties.principalId
        // The management app also reads the dead letters of every agent. No app does the work of an external agent.
        receivesFrom: map(
          filter(queues, queue => app == 'management' || (queue.app == app && !contains(workers, queue.name))),
          queue => queue.name
        )
      }
    ]
    workerAccess: [
      for (worker, i) in workers: {
        principalId: identities[length(apps) + i].properties.principalId
        receivesFrom: worker
      }
    ]
    workspaceId: monitoring.outputs.workspaceId
    isPrivate: privateNetwork
    subnetId: network.?outputs.endpointSubnetId
    zoneId: network.?outputs.zoneIds.serviceBus
  }
}

module redis 'modules/redis.bicep' = if (sizing.?redis != null) {
  params: {
    name: 'redis-${token}'
    location: location
    tags: tags
    sku: sizing.redis!.sku
    highAvailability: sizing.redis!.highAvailability
    principalIds: [for i in range(0, length(apps)): identities[i].properties.principalId]
    isPrivate: privateNetwork
    subnetId: network.?outputs.endpointSubnetId
    zoneId: network.?outputs.zoneIds.redis
  }
}

module keyVault 'modules/keyVault.bicep' = {
  params: {
    name: keyVaultName
    location: location
    tags: tags
    retentionDays: sizing.vaultRetentionDays
    purgeProtection: sizing.vaultPurgeProtection
    readerPrincipalIds: [for i in range(0, length(apps)): identities[i].properties.principalId]
    newSealingKey: newSealingKey
    workspaceId: monitoring.outputs.workspaceId
    isPrivate: privateNetwork
    subnetId: network.?outputs.endpointSubnetId
    zoneId: network.?outputs.zoneIds.vault
  }
}

module functionApps 'modules/functionApp.bicep' = [
  for (app, i) in apps: {
    params: {
      app: app
      name: siteNames[i]
      location: location
      tags: tags
      identityId: identities[i].id
      identityClientId: identities[i].properties.clientId
      hostStorageName: hostStorageNames[i]
      appInsightsConnectionString: monitoring.outputs.appInsightsConnectionString
      instanceMemoryMB: sizing.instanceMemoryMB
      maximumInstanceCount: sizing.maximumInstanceCount
      alwaysReadyHttp: sizing.alwaysReadyHttp[app]
      zoneRedundant: sizing.zoneRedundant
      subnetId: privateNetwork ? network.?outputs.appSubnetIds[i] : null
      settings: union(
        moreSettings,
        {
          MREG_APP: app
          MREG_TABLES: 'https://${dataStorageName}.table.${environment().suffixes.storage}'
          MREG_SERVICE_BUS__fullyQualifiedNamespace: '${serviceBusName}.servicebus.windows.net'
          MREG_API_CLIENT_ID: apiClientId
          MREG_TENANTS: join(tenants, ',')
          MREG_PUBLIC_ORIGIN: origins.mcp
          MREG_MANAGEMENT_ORIGIN: origins.management
          MREG_SEALING_KEYS: '@Microsoft.KeyVault(SecretUri=${secretsUrl}/sealing-keys)'
        },
        sizing.?redis == null ? {} : { MREG_REDIS_URL: 'rediss://${redis!.outputs.host}:10000' },
        empty(signInClientId) ? {} : { MREG_SIGN_IN_CLIENT_ID: signInClientId },
        empty(workers) ? {} : { MREG_EXTERNAL_AGENTS: join(workers, ',') },
        empty(credentialsSecretName)
          ? {}
          : { MREG_CREDENTIALS: '@Microsoft.KeyVault(SecretUri=${secretsUrl}/${credentialsSecretName})' },
        empty(clientsSecretName)
          ? {}
          : { MREG_CLIENTS: '@Microsoft.KeyVault(SecretUri=${secretsUrl}/${clientsSecretName})' }
      )
    }
    // The settings name these by their addresses. They and the roles of the app must exist before the app starts.
    dependsOn: [dataStorage, hostStorage, keyVault, serviceBus]
  }
]

module alerts 'modules/alerts.bicep' = {
  params: {
    token: token
    location: location
    tags: tags
    actionGroupId: monitoring.outputs.actionGroupId
    workspaceId: monitoring.outputs.workspaceId
    serviceBusId: serviceBus.outputs.id
    dataStorageId: dataStorage.outputs.id
    hasRedis: sizing.?redis != null
    redisId: redis.?outputs.id
    siteIds: [for i in range(0, length(apps)): functionApps[i].outputs.id]
  }
}

resource spending 'Microsoft.Consumption/budgets@2024-08-01' = if (monthlyBudget != null) {
  name: 'monthly'
  properties: {
    amount: monthlyBudget!.monthlyAmount
    category: 'Cost'
    timeGrain: 'Monthly'
    timePeriod: { startDate: monthlyBudget!.start }
    notifications: {
      forecast: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: alertEmails
        contactGroups: [monitoring.outputs.actionGroupId]
      }
    }
  }
}

output publicOrigin string = origins.mcp
output managementOrigin string = origins.management
output apps array = [for (app, i) in apps: { app: app, name: siteNames[i], id: functionApps[i].outputs.id }]
output identities array = [
  for (name, i) in identityNames: union(
    {
      name: name
      principalId: identities[i].properties.principalId
      clientId: identities[i].properties.clientId
    },
    i < length(apps) ? { app: name } : {}
  )
]
output keyVaultName string = keyVaultName
