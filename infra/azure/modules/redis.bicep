param name string
param location string
param tags object
param sku string
param highAvailability bool
param principalIds string[]
param isPrivate bool
param subnetId string?
param zoneId string?

resource cluster 'Microsoft.Cache/redisEnterprise@2025-07-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: sku }
  properties: {
    minimumTlsVersion: '1.2'
    highAvailability: highAvailability ? 'Enabled' : 'Disabled'
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
  }

  resource database 'databases' = {
    name: 'default'
    properties: {
      clientProtocol: 'Encrypted'
      port: 10000
      accessKeysAuthentication: 'Disabled'
      // The apps open one connection to one endpoint.
      clusteringPolicy: 'NoCluster'
      // An evicted session or lease would be lost without a trace.
      evictionPolicy: 'NoEviction'
    }

    // Redis fails when it gets two of these at a time.
    @batchSize(1)
    resource access 'accessPolicyAssignments' = [
      for principalId in principalIds: {
        // Azure allows letters and digits only.
        name: replace(principalId, '-', '')
        properties: { accessPolicyName: 'default', user: { objectId: principalId } }
      }
    ]
  }
}

module endpoint 'privateEndpoint.bicep' = if (isPrivate) {
  params: {
    name: name
    location: location
    tags: tags
    targetId: cluster.id
    groupId: 'redisEnterprise'
    subnetId: subnetId!
    zoneId: zoneId!
  }
}

output id string = cluster.id
output host string = cluster.properties.hostName
