param app string
@maxLength(60)
param name string
param location string
param tags object
param identityId string
param identityClientId string
param hostStorageName string
param appInsightsConnectionString string
param instanceMemoryMB int
param maximumInstanceCount int
param alwaysReadyHttp int
param zoneRedundant bool
param subnetId string?
param settings object

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: 'plan-${name}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { tier: 'FlexConsumption', name: 'FC1' }
  properties: { reserved: true, zoneRedundant: zoneRedundant }
}

resource site 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': app })
  kind: 'functionapp,linux'
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identityId}': {} } }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: subnetId
    siteConfig: { minTlsVersion: '1.2', scmMinTlsVersion: '1.2', http20Enabled: true }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: 'https://${hostStorageName}.blob.${environment().suffixes.storage}/package'
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identityId }
        }
      }
      runtime: { name: 'node', version: '24' }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: alwaysReadyHttp == 0 ? [] : [{ name: 'http', instanceCount: alwaysReadyHttp }]
        // An open event stream counts as a running call.
        triggers: { http: { perInstanceConcurrency: 32 } }
      }
    }
  }

  // Publishing with a user name and password is off: deployments sign in to Entra.
  resource ftpPassword 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }

  resource scmPassword 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }

  resource appSettings 'config' = {
    name: 'appsettings'
    properties: union(
      settings,
      {
        NODE_ENV: 'production'
        AZURE_CLIENT_ID: identityClientId
        // Timers keep their state under this id. It must differ between the apps.
        AzureFunctionsWebHost__hostid: 'mreg-${app}'
        AzureWebJobsStorage__accountName: hostStorageName
        AzureWebJobsStorage__credential: 'managedidentity'
        AzureWebJobsStorage__clientId: identityClientId
        MREG_SERVICE_BUS__credential: 'managedidentity'
        MREG_SERVICE_BUS__clientId: identityClientId
        // An address. The key in it opens nothing, because Application Insights accepts Entra tokens only.
        APPLICATIONINSIGHTS_CONNECTION_STRING: appInsightsConnectionString
        APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
      },
      // Keeps the memory of Node small at the cost of CPU: see docs/performance.md.
      instanceMemoryMB == 512
        ? { languageWorkers__node__arguments: '--max-semi-space-size=8 --heap-growing-percent=25' }
        : {}
    )
  }
}

output id string = site.id
