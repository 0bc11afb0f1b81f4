import topology from '../../../../infra/topology.json' with { type: 'json' };
import { ConfigError } from '../../../../shared/platform/config/config.ts';
import { describeEnvironment } from '../../../../shared/platform/config/environment.ts';
import { readConfig } from '../../../../shared/platform/config/readConfig.ts';
import { appSettings, processSettings } from '../appSettings.ts';
import { at, leafOf, ofType, type Snapshot } from '../snapshot.ts';

const apps = topology.apps.map(({ name }) => name);

/** The product accepts the settings of each app in production, and knows each of them. */
export const checkSettings = (snapshot: Snapshot): string[] =>
  apps.flatMap((app) => {
    const env = { ...processSettings(snapshot, app), WEBSITE_SITE_NAME: app, IDENTITY_ENDPOINT: 'http://x' };
    const unknown = describeEnvironment(env).unknown.map(
      (name) => `${app}: the product does not know ${name}`,
    );
    try {
      readConfig(env);
      return unknown;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return [...unknown, `${app}: ${error.message}`];
    }
  });

/** Settings that Flex Consumption refuses, or that its `functionAppConfig` replaces. */
const refusedSettings =
  /^(FUNCTIONS_(WORKER_RUNTIME(_VERSION)?|EXTENSION_VERSION|MAX_HTTP_CONCURRENCY|WORKER_PROCESS_COUNT|WORKER_DYNAMIC_CONCURRENCY_ENABLED)|WEBSITE_(RUN_FROM_PACKAGE|NODE_DEFAULT_VERSION|CONTENT\w+|SKIP_CONTENTSHARE_VALIDATION|VNET_ROUTE_ALL|TIME_ZONE|DNS_SERVER|MAX_DYNAMIC_APPLICATION_SCALE_OUT)|SCM_DO_BUILD_DURING_DEPLOYMENT|ENABLE_ORYX_BUILD|TZ)$/i;
const refusedSiteConfig = [
  ...['linuxFxVersion', 'alwaysOn', 'functionAppScaleLimit', 'minimumElasticInstanceCount', 'appSettings'],
  ...['preWarmedInstanceCount', 'use32BitWorkerProcess', 'vnetPrivatePortsCount', 'nodeVersion'],
];

export const checkFlex = (snapshot: Snapshot): string[] => [
  ...apps.flatMap((app) =>
    Object.keys(appSettings(snapshot, app))
      .filter((name) => refusedSettings.test(name))
      .map((name) => `${app}: Flex Consumption refuses the setting ${name}`),
  ),
  ...ofType(snapshot, 'Microsoft.Web/sites').flatMap((site) =>
    refusedSiteConfig
      .filter((name) => at(site, `siteConfig.${name}`) !== undefined)
      .map((name) => `${leafOf(site)}: Flex Consumption refuses siteConfig.${name}`),
  ),
];

const keyInValue =
  /(Account|SharedAccess)Key|SharedAccessSignature|[?&]sig=|Password=|Endpoint=sb:|EndpointsProtocol=|\/\/[^/]*@/i;
const keyInName =
  /KEY|SECRET|PASSWORD|TOKEN$|CREDENTIALS$|^MREG_CLIENTS$|CONNECTION_?STRING|^AzureWebJobsStorage$|^MREG_SERVICE_BUS$/i;
/** Its key opens nothing: Application Insights accepts Entra tokens only, which `checkLocalAuth` holds. */
const ADDRESS = 'APPLICATIONINSIGHTS_CONNECTION_STRING';

/** No setting holds a secret, and no expression reads a key. Secrets are references to the vault of this deployment. */
export const checkKeys = (snapshot: Snapshot): string[] => [
  ...apps.flatMap((app) =>
    Object.entries(appSettings(snapshot, app))
      .filter(([name]) => name !== ADDRESS)
      .filter(([name, value]) => {
        const isReference = value.startsWith(
          `@Microsoft.KeyVault(SecretUri=https://kv-${snapshot.token}.vault.azure.net/secrets/`,
        );
        return !isReference && (keyInName.test(name) || keyInValue.test(value));
      })
      .map(([name]) => `${app}: ${name} holds a key`),
  ),
  ...snapshot.resources
    .filter((resource) =>
      /\blist(Account|Service)?\w*(Keys?|Sas|ConnectionStrings)\(/i.test(JSON.stringify(resource)),
    )
    .map(({ name }) => `${name}: an expression reads a key`),
];
