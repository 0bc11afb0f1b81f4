using 'main.bicep'

param environmentName = 'example-dev'
param location = 'westeurope'
param sizeName = 'dev'
param apiClientId = '00000000-0000-0000-0000-0000000000aa'
param signInClientId = '00000000-0000-0000-0000-0000000000dd'
