@export()
@description('What an environment can bear, and what it costs: a row of sizes.json.')
type size = {
  @description('Azure Managed Redis for the short-lived state. Without it, the tables hold that state.')
  redis: { sku: string, highAvailability: bool }?
  @description('Memory of an instance of either app.')
  instanceMemoryMB: 512 | 2048 | 4096
  @description('Instances of the HTTP functions that are always ready, for each app.')
  alwaysReadyHttp: { management: int, mcp: int }
  @description('The most instances of an app.')
  maximumInstanceCount: int
  @description('Spreads the instances over zones. Azure then keeps two billed instances ready for each of 16 scaling groups: about 670 USD a month.')
  zoneRedundant: bool
  @description('Days for which Log Analytics keeps the logs.')
  logRetentionDays: int
  @description('Log Analytics drops the logs of a day beyond this.')
  dailyLogQuotaGb: int
  storageSku: 'Standard_LRS' | 'Standard_ZRS'
  @description('Days for which a deleted vault or secret can be restored: 7 to 90.')
  vaultRetentionDays: int
  @description('Nobody can purge a deleted vault before its days have passed. The vault cannot be created again until then either.')
  vaultPurgeProtection: bool
}

@export()
@description('A budget of the resource group. It sends mails and stops nothing.')
type budget = {
  @description('The amount a month, in the currency of the subscription.')
  monthlyAmount: int
  @description('First day of the month in which the budget is created, such as 2026-12-01. It cannot change later.')
  start: string
}

@export()
@description('The built-in roles that this deployment assigns, each with its id.')
var roleIds = {
  'Storage Blob Data Owner': 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  'Storage Table Data Contributor': '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
  'Azure Service Bus Data Sender': '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39'
  'Azure Service Bus Data Receiver': '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0'
  'Key Vault Secrets User': '4633458b-17de-408a-b874-0445c86b69e6'
  'Monitoring Metrics Publisher': '3913510d-42f4-4e42-8a64-420c390055eb'
}
