using 'main.bicep'

param environmentName = 'example-private'
param location = 'westeurope'
param sizeName = 'prod'
param apiClientId = '00000000-0000-0000-0000-0000000000aa'
param tenants = ['00000000-0000-0000-0000-0000000000bb']
param publicOrigin = 'https://mcp.example.com'
param managementOrigin = 'https://registry.example.com'
param privateNetwork = true
param credentialsSecretName = 'credentials'
param alertEmails = ['ops@example.com']
param monthlyBudget = { monthlyAmount: 1200, start: '2026-12-01' }
