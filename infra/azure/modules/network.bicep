param token string
param location string
param tags object
param apps string[]
param hasRedis bool

var zones = union(
  {
    blob: 'privatelink.blob.${environment().suffixes.storage}'
    table: 'privatelink.table.${environment().suffixes.storage}'
    serviceBus: 'privatelink.servicebus.windows.net'
    vault: 'privatelink.vaultcore.azure.net'
  },
  hasRedis ? { redis: 'privatelink.redis.azure.net' } : {}
)
var zoneKeys = objectKeys(zones)

resource network 'Microsoft.Network/virtualNetworks@2025-05-01' = {
  name: 'vnet-${token}'
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: ['10.72.0.0/22'] }
    subnets: concat(
      [
        { name: 'endpoints', properties: { addressPrefix: '10.72.0.0/26' } }
      ],
      map(range(0, length(apps)), i => {
        name: 'app-${apps[i]}'
        properties: {
          addressPrefix: cidrSubnet('10.72.0.0/22', 24, i + 1)
          // The apps call Entra and upstream servers on the internet.
          defaultOutboundAccess: true
          delegations: [{ name: 'flex', properties: { serviceName: 'Microsoft.App/environments' } }]
        }
      })
    )
  }
}

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for key in zoneKeys: {
    name: zones[key]
    location: 'global'
    tags: tags
  }
]

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (key, i) in zoneKeys: {
    parent: zone[i]
    name: network.name
    location: 'global'
    properties: { registrationEnabled: false, virtualNetwork: { id: network.id } }
  }
]

output endpointSubnetId string = network.properties.subnets[0].id
output appSubnetIds string[] = [for (app, i) in apps: network.properties.subnets[i + 1].id]
output zoneIds object = toObject(
  range(0, length(zoneKeys)),
  i => zoneKeys[i],
  i => resourceId('Microsoft.Network/privateDnsZones', zones[zoneKeys[i]])
)
