import { roleIds } from '../types.bicep'

@minLength(3)
@maxLength(24)
param name string
param location string
param tags object
param sku string
param containers string[]
param tables string[]
param blobOwnerPrincipalIds string[]
param tableContributorPrincipalIds string[]
param workspaceId string
param isPrivate bool
param subnetId string?
param zoneIds object?

// The Functions host keeps leases and keys in blobs, and its diagnostic events in tables.
var services = empty(containers) ? ['table'] : ['blob', 'table']

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: sku }
  properties: {
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    defaultToOAuthAuthentication: true
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    networkAcls: { defaultAction: isPrivate ? 'Deny' : 'Allow', bypass: 'None' }
  }

  resource blobs 'blobServices' = if (!empty(containers)) {
    name: 'default'
    properties: { deleteRetentionPolicy: { enabled: true, days: 7 } }

    resource container 'containers' = [for container in containers: { name: container }]
  }

  resource tableService 'tableServices' = {
    name: 'default'

    resource table 'tables' = [for table in tables: { name: table }]
  }
}

resource blobOwners 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principalId in blobOwnerPrincipalIds: {
    scope: account
    name: guid(account.id, principalId, 'Storage Blob Data Owner')
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        roleIds['Storage Blob Data Owner']
      )
    }
  }
]

resource tableContributors 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principalId in tableContributorPrincipalIds: {
    scope: account
    name: guid(account.id, principalId, 'Storage Table Data Contributor')
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        roleIds['Storage Table Data Contributor']
      )
    }
  }
]

module endpoints 'privateEndpoint.bicep' = [
  for service in (isPrivate ? services : []): {
    params: {
      name: '${name}-${service}'
      location: location
      tags: tags
      targetId: account.id
      groupId: service
      subnetId: subnetId!
      zoneId: zoneIds![service]
    }
  }
]

#disable-next-line use-recent-api-versions // The only stable version is of 2016 and has no log categories.
resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: account::tableService
  name: 'workspace'
  properties: {
    workspaceId: workspaceId
    // The apps read and write too often for a log line each.
    logs: [{ category: 'StorageDelete', enabled: true }]
  }
}

output id string = account.id
