import { roleIds } from '../types.bicep'

param name string
param location string
param tags object
param queueNames string[]
param queueSettings {
  lockDurationSeconds: int
  maxDeliveryCount: int
  duplicateDetectionWindowSeconds: int
  defaultTimeToLiveSeconds: int
}
@description('Apps send to every queue of the namespace.')
param appAccess { principalId: string, receivesFrom: string[] }[]
@description('Workers send to the queue of reports only.')
param workerAccess { principalId: string, receivesFrom: string }[]
param workspaceId string
param isPrivate bool
param subnetId string?
param zoneId string?

// Azure offers private endpoints for Premium only, and duplicate detection not for Basic.
var tier = isPrivate ? 'Premium' : 'Standard'
var receivers = concat(
  flatten(map(
    appAccess,
    app => map(app.receivesFrom, queue => { principalId: app.principalId, queue: indexOf(queueNames, queue) })
  )),
  map(workerAccess, worker => { principalId: worker.principalId, queue: indexOf(queueNames, worker.receivesFrom) })
)

resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' = {
  name: name
  location: location
  tags: tags
  sku: union({ name: tier, tier: tier }, isPrivate ? { capacity: 1 } : {})
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
  }
}

resource queues 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = [
  for queueName in queueNames: {
    parent: namespace
    name: queueName
    properties: {
      lockDuration: 'PT${queueSettings.lockDurationSeconds}S'
      maxDeliveryCount: queueSettings.maxDeliveryCount
      requiresDuplicateDetection: true
      duplicateDetectionHistoryTimeWindow: 'PT${queueSettings.duplicateDetectionWindowSeconds}S'
      defaultMessageTimeToLive: 'PT${queueSettings.defaultTimeToLiveSeconds}S'
      // The sweeper sends the work again. An expired message is no fault that a person must look at.
      deadLetteringOnMessageExpiration: false
    }
  }
]

resource appSenders 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for app in appAccess: {
    scope: namespace
    name: guid(namespace.id, app.principalId, 'Azure Service Bus Data Sender')
    properties: {
      principalId: app.principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        roleIds['Azure Service Bus Data Sender']
      )
    }
  }
]

resource workerSenders 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for worker in workerAccess: {
    scope: queues[indexOf(queueNames, 'agent-reports')]
    name: guid(queues[indexOf(queueNames, 'agent-reports')].id, worker.principalId, 'Azure Service Bus Data Sender')
    properties: {
      principalId: worker.principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        roleIds['Azure Service Bus Data Sender']
      )
    }
  }
]

resource queueReceivers 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for receiver in receivers: {
    scope: queues[receiver.queue]
    name: guid(queues[receiver.queue].id, receiver.principalId, 'Azure Service Bus Data Receiver')
    properties: {
      principalId: receiver.principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        roleIds['Azure Service Bus Data Receiver']
      )
    }
  }
]

module endpoint 'privateEndpoint.bicep' = if (isPrivate) {
  params: {
    name: name
    location: location
    tags: tags
    targetId: namespace.id
    groupId: 'namespace'
    subnetId: subnetId!
    zoneId: zoneId!
  }
}

#disable-next-line use-recent-api-versions // The only stable version is of 2016 and has no log categories.
resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: namespace
  name: 'workspace'
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'OperationalLogs', enabled: true }
      { category: 'VNetAndIPFilteringLogs', enabled: true }
    ]
  }
}

output id string = namespace.id
