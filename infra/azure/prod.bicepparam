using 'main.bicep'

param environmentName = 'example-prod'
param location = 'westeurope'
param sizeName = 'prod'
param apiClientId = '00000000-0000-0000-0000-0000000000aa'
param signInClientId = '00000000-0000-0000-0000-0000000000dd'
param tenants = ['00000000-0000-0000-0000-0000000000bb', '00000000-0000-0000-0000-0000000000cc']
param publicOrigin = 'https://mcp.example.com'
param managementOrigin = 'https://registry.example.com'
param externalAgents = ['mcp-debugger', 'fastmcp-specialist']
param credentialsSecretName = 'credentials'
param clientsSecretName = 'clients'
param moreSettings = {
  MREG_ALLOWED_ORIGINS: 'https://portal.example.com'
  MREG_GRANT_ISSUERS: '{"https://contoso.okta.example": {"tenant": "00000000-0000-0000-0000-0000000000bb", "jwksUri": "https://contoso.okta.example/oauth2/v1/keys"}}'
  MREG_RATE_LIMITS: '{"principal": {"perSecond": 100, "burst": 500}}'
}
param alertEmails = ['ops@example.com']
param monthlyBudget = { monthlyAmount: 200, start: '2026-12-01' }
