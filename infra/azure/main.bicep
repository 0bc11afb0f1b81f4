targetScope = 'subscription'

import { budget, size } from 'types.bicep'

@minLength(1)
@maxLength(30)
@description('Name of the environment. The resource group has it in its name. The other names contain its hash.')
param environmentName string

@metadata({ azd: { type: 'location' } })
@description('Region of all resources. It must offer Flex Consumption.')
param location string

@description('Name of a row of sizes.json.')
param sizeName string

@description('Client id of the app registration of the gateway. `npm run entra -- ensure` creates it.')
param apiClientId string

@description('Client id of the registration with which the gateway signs people in. `npm run entra -- ensure` creates it. Empty: clients sign in to Entra themselves.')
param signInClientId string = ''

@description('Ids of the Entra tenants that may sign in. The first is the tenant of the operator. Empty: the tenant of the subscription.')
param tenants string[] = []

@description('Origin at which clients reach the mcp app. Empty: the name that Azure gives the app.')
param publicOrigin string = ''

@description('Origin at which administrators reach the management app. Empty: the name that Azure gives the app.')
param managementOrigin string = ''

@description('The apps reach storage, Service Bus, Redis and the vault inside a virtual network only. Service Bus is then Premium.')
param privateNetwork bool = false

@description('Agents whose work is done by workers outside the apps. Each gets an identity.')
param externalAgents string[] = []

@description('Name of the secret in the vault that holds MREG_CREDENTIALS. Empty: no credentials for upstream servers.')
param credentialsSecretName string = ''

@description('Name of the secret in the vault that holds MREG_CLIENTS. Empty: no MCP clients are known beforehand.')
param clientsSecretName string = ''

@description('More settings of both apps, such as MREG_ALLOWED_ORIGINS. They replace no setting of this deployment.')
param moreSettings object = {}

@description('Mail addresses that get the alerts.')
param alertEmails string[] = []

@description('Budget of the resource group. Null: none.')
param monthlyBudget budget?

@secure()
@description('The first sealing key. The deployment stores it in the vault when the vault has none, and nobody reads it.')
param newSealingKey string = '${newGuid()}${newGuid()}'

var sizes { *: size } = loadJsonContent('sizes.json')
var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName, app: 'mcp-registry-gateway' }

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module gateway 'gateway.bicep' = {
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    sizing: sizes[sizeName]
    apiClientId: apiClientId
    signInClientId: signInClientId
    tenants: empty(tenants) ? [tenant().tenantId] : tenants
    publicOrigin: publicOrigin
    managementOrigin: managementOrigin
    privateNetwork: privateNetwork
    externalAgents: externalAgents
    credentialsSecretName: credentialsSecretName
    clientsSecretName: clientsSecretName
    moreSettings: moreSettings
    alertEmails: alertEmails
    monthlyBudget: monthlyBudget
    newSealingKey: newSealingKey
  }
}

output AZURE_RESOURCE_GROUP string = group.name
output AZURE_TENANT_ID string = tenant().tenantId
output AZURE_LOCATION string = location
output MREG_API_CLIENT_ID string = apiClientId
output MREG_PUBLIC_ORIGIN string = gateway.outputs.publicOrigin
output MREG_MANAGEMENT_ORIGIN string = gateway.outputs.managementOrigin
output MREG_APPS array = gateway.outputs.apps
output MREG_IDENTITIES array = gateway.outputs.identities
output MREG_KEY_VAULT string = gateway.outputs.keyVaultName
