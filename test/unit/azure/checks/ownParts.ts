import { appSettings, settingsResources, settingText } from '../appSettings.ts';
import { identityIn, identityOf, ofType, type Resource, type Snapshot, textAt } from '../snapshot.ts';

const storage = 'functionAppConfig.deployment.storage';

/** Each app uses its own identity, its own host storage and its own host id. */
export const checkOwnParts = (snapshot: Snapshot): string[] =>
  ofType(snapshot, 'Microsoft.Web/sites').flatMap((site) => {
    const app = site.tags['azd-service-name'] ?? '';
    return [
      ...identitiesOf(snapshot, site)
        .filter(([, identity]) => identity !== app)
        .map(([use, identity]) => `${app}: ${use} is the identity of ${identity ?? 'nobody'}`),
      ...valuesOf(snapshot, site, app)
        .filter(([, value, wanted]) => value !== wanted)
        .map(([name, value, wanted]) => `${app}: ${name} is ${String(value)} and not ${wanted}`),
    ];
  });

/** Returns whose identity an app uses, by the use that it makes of it. */
function identitiesOf(snapshot: Snapshot, site: Resource): [use: string, identity: string | undefined][] {
  const settings = settingsResources(snapshot).find(({ name }) => name === `${site.name}/appsettings`);
  const ids = {
    keyVaultReferenceIdentity: textAt(site, 'keyVaultReferenceIdentity'),
    'the reader of the package': textAt(site, `${storage}.authentication.userAssignedIdentityResourceId`),
  };
  return [
    ...Object.keys(site.identity?.userAssignedIdentities ?? { none: {} }).map(
      (id): [string, string | undefined] => ['the assigned identity', identityOf(snapshot, id)],
    ),
    ...Object.entries(ids).map(([use, id]): [string, string | undefined] => [use, identityOf(snapshot, id)]),
    ...['AZURE_CLIENT_ID', 'AzureWebJobsStorage__clientId', 'MREG_SERVICE_BUS__clientId'].map(
      (name): [string, string | undefined] => [name, identityIn(snapshot, settings?.properties[name])],
    ),
  ];
}

function valuesOf(
  snapshot: Snapshot,
  site: Resource,
  app: string,
): [name: string, value: string | undefined, wanted: string][] {
  const account = `sthost${app.slice(0, 4)}${snapshot.token}`;
  const settings = appSettings(snapshot, app);
  const wanted = {
    NODE_ENV: 'production',
    AzureFunctionsWebHost__hostid: `mreg-${app}`,
    AzureWebJobsStorage__accountName: account,
    AzureWebJobsStorage__credential: 'managedidentity',
    MREG_SERVICE_BUS__credential: 'managedidentity',
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: `ClientId=${settings['AZURE_CLIENT_ID'] ?? ''};Authorization=AAD`,
  };
  return [
    ...Object.entries(wanted).map(([name, value]): [string, string | undefined, string] => [
      name,
      settings[name],
      value,
    ]),
    [
      'the place of the package',
      settingText(textAt(site, `${storage}.value`)),
      `https://${account}.blob.core.windows.net/package`,
    ],
  ];
}
