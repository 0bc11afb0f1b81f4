import { roleIds } from '../types.bicep'

@maxLength(24)
param name string
param location string
param tags object
param retentionDays int
param purgeProtection bool
param readerPrincipalIds string[]
@secure()
param newSealingKey string
param workspaceId string
param isPrivate bool
param subnetId string?
param zoneId string?

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: retentionDays
    // Azure accepts no false here.
    enablePurgeProtection: purgeProtection ? true : null
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    networkAcls: { defaultAction: isPrivate ? 'Deny' : 'Allow', bypass: 'None' }
  }
}

// A later deployment leaves the secret as it is: another key would end all sessions.
@onlyIfNotExists()
resource sealingKeys 'Microsoft.KeyVault/vaults/secrets@2025-05-01' = {
  parent: vault
  name: 'sealing-keys'
  properties: { value: newSealingKey, contentType: 'MREG_SEALING_KEYS: keys separated by commas, the newest first' }
}

resource readers 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principalId in readerPrincipalIds: {
    scope: vault
    name: guid(vault.id, principalId, 'Key Vault Secrets User')
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        roleIds['Key Vault Secrets User']
      )
    }
  }
]

module endpoint 'privateEndpoint.bicep' = if (isPrivate) {
  params: {
    name: name
    location: location
    tags: tags
    targetId: vault.id
    groupId: 'vault'
    subnetId: subnetId!
    zoneId: zoneId!
  }
}

#disable-next-line use-recent-api-versions // The only stable version is of 2016 and has no log categories.
resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'workspace'
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'AuditEvent', enabled: true }]
  }
}
