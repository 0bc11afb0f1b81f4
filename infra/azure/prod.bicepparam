using 'main.bicep'

param environmentName = 'example-prod'
param location = 'westeurope'
param sizeName = 'prod'
param apiClientId = '00000000-0000-0000-0000-0000000000aa'
param tenants = ['00000000-0000-0000-0000-0000000000bb', '00000000-0000-0000-0000-0000000000cc']
param publicOrigin = 'https://mcp.example.com'
param managementOrigin = 'https://registry.example.com'
param externalAgents = ['mcp-debugger', 'fastmcp-specialist']
param credentialsSecretName = 'credentials'
param moreSettings = { MREG_ALLOWED_ORIGINS: 'https://portal.example.com' }
param alertEmails = ['ops@example.com']
param monthlyBudget = { monthlyAmount: 200, start: '2026-12-01' }
