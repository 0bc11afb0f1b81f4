param token string
param location string
param tags object
param actionGroupId string
param workspaceId string
param serviceBusId string
param dataStorageId string
param hasRedis bool
param redisId string?
param siteIds string[]

var rows = loadJsonContent('../alerts.json')
var metricRows = filter(rows.metrics, row => hasRedis || row.target != 'redis')
var targets = {
  serviceBus: { id: serviceBusId, namespace: 'Microsoft.ServiceBus/namespaces' }
  dataStorage: { id: dataStorageId, namespace: 'Microsoft.Storage/storageAccounts' }
  redis: { id: redisId ?? '', namespace: 'Microsoft.Cache/redisEnterprise' }
}

resource metricAlerts 'Microsoft.Insights/metricAlerts@2026-01-01' = [
  for row in metricRows: {
    name: '${row.name}-${token}'
    location: 'global'
    tags: tags
    properties: {
      description: row.means
      severity: row.severity
      enabled: true
      scopes: [targets[row.target].id]
      evaluationFrequency: 'PT5M'
      windowSize: row.window
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: row.name
            metricName: row.metric
            metricNamespace: targets[row.target].namespace
            operator: row.operator
            threshold: row.threshold
            timeAggregation: row.aggregation
            dimensions: map(row.perValueOf, dimension => { name: dimension, operator: 'Include', values: ['*'] })
          }
        ]
      }
      actions: [{ actionGroupId: actionGroupId }]
      autoMitigate: true
    }
  }
]

// The apps log one JSON object a line. The host may write something before it, so the query looks for parts of the text.
resource eventAlerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for row in rows.logEvents: {
    name: '${row.name}-${token}'
    location: location
    tags: tags
    properties: {
      description: row.means
      severity: row.severity
      enabled: true
      scopes: [workspaceId]
      evaluationFrequency: 'PT15M'
      windowSize: 'PT15M'
      // A new workspace has no tables yet.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: join(
              concat(
                [
                  'AppTraces'
                  'where ${join(map(row.events, event => 'Message contains \'"event":"${event}"\''), ' or ')}'
                ],
                map(row.with, text => 'where Message contains \'${text}\''),
                map(row.without, text => 'where Message !contains \'${text}\'')
              ),
              ' | '
            )
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: row.above
          }
        ]
      }
      actions: { actionGroups: [actionGroupId] }
      autoMitigate: true
    }
  }
]

resource workspaceAlerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for row in rows.workspace: {
    name: '${row.name}-${token}'
    location: location
    tags: tags
    properties: {
      description: row.means
      severity: row.severity
      enabled: true
      scopes: [workspaceId]
      evaluationFrequency: 'PT15M'
      windowSize: row.window
      skipQueryValidation: true
      criteria: {
        allOf: [{ query: row.query, timeAggregation: 'Count', operator: row.operator, threshold: row.threshold }]
      }
      actions: { actionGroups: [actionGroupId] }
      autoMitigate: true
    }
  }
]

resource platformAlert 'Microsoft.Insights/activityLogAlerts@2026-01-01' = {
  name: 'platform-${token}'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    description: 'Azure reports that one of the apps is unavailable.'
    scopes: siteIds
    condition: {
      allOf: [
        { field: 'category', equals: 'ResourceHealth' }
        { field: 'properties.currentHealthStatus', equals: 'Unavailable' }
      ]
    }
    actions: { actionGroups: [{ actionGroupId: actionGroupId }] }
  }
}
