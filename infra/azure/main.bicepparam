using 'main.bicep'

// The values that azd keeps for an environment. `azd env set` changes them. Lists are separated by commas.
var tenantList = readEnvironmentVariable('MREG_TENANTS', '')
var agentList = readEnvironmentVariable('MREG_EXTERNAL_AGENTS', '')
var emailList = readEnvironmentVariable('MREG_ALERT_EMAILS', '')
var budgetAmount = readEnvironmentVariable('MREG_BUDGET_AMOUNT', '')

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')
param sizeName = readEnvironmentVariable('MREG_SIZE', 'dev')
param apiClientId = readEnvironmentVariable('MREG_API_CLIENT_ID')
param signInClientId = readEnvironmentVariable('MREG_SIGN_IN_CLIENT_ID', '')
param tenants = empty(tenantList) ? [] : split(tenantList, ',')
param publicOrigin = readEnvironmentVariable('MREG_PUBLIC_ORIGIN', '')
param managementOrigin = readEnvironmentVariable('MREG_MANAGEMENT_ORIGIN', '')
param privateNetwork = bool(readEnvironmentVariable('MREG_PRIVATE_NETWORK', 'false'))
param externalAgents = empty(agentList) ? [] : split(agentList, ',')
param credentialsSecretName = readEnvironmentVariable('MREG_CREDENTIALS_SECRET', '')
param clientsSecretName = readEnvironmentVariable('MREG_CLIENTS_SECRET', '')
param moreSettings = json(readEnvironmentVariable('MREG_MORE_SETTINGS', '{}'))
param alertEmails = empty(emailList) ? [] : split(emailList, ',')
param monthlyBudget = empty(budgetAmount)
  ? null
  : { monthlyAmount: int(budgetAmount), start: readEnvironmentVariable('MREG_BUDGET_START', '') }
