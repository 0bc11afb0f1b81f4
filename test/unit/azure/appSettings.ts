import { evaluate } from './armExpression.ts';
import { expressionIn, ofType, type Snapshot, textAt } from './snapshot.ts';

export const settingsResources = (snapshot: Snapshot): Snapshot['resources'] =>
  ofType(snapshot, 'Microsoft.Web/sites/config').filter(({ name }) => name.endsWith('/appsettings'));

/** Values that only Azure knows, by what the expression reads. */
const runtimeValues: Readonly<Record<string, string>> = {
  clientId: '11111111-1111-1111-1111-111111111111',
  'outputs.host.value': 'redis-x.westeurope.redis.azure.net',
  'outputs.appInsightsConnectionString.value':
    'InstrumentationKey=22222222-2222-2222-2222-222222222222;IngestionEndpoint=https://x.in.applicationinsights.azure.com/',
};

/** Returns the settings of an app as Azure shows them: expressions have a value, references to the vault are still references. */
export function appSettings(snapshot: Snapshot, app: string): Record<string, string> {
  const resource = settingsResources(snapshot).find((each) => textAt(each, 'MREG_APP') === app);
  return Object.fromEntries(
    Object.entries(resource?.properties ?? {}).map(([name, value]) => [name, settingText(value)]),
  );
}

/** Returns the text of a value. An expression of the compiler gets the values that only Azure knows. */
export function settingText(value: unknown): string {
  const expression = expressionIn(value);
  if (expression === undefined) return String(value);
  return evaluate(expression, ({ name, path }) => {
    const found = runtimeValues[path];
    if (found === undefined) throw new Error(`no value for ${name}(…).${path}: add one to runtimeValues`);
    return found;
  });
}

/** What the secrets of the vault may hold. */
const secrets: Readonly<Record<string, string>> = {
  'sealing-keys': '33333333-3333-3333-3333-33333333333344444444-4444-4444-4444-444444444444',
  clients:
    '{"our-agent": {"name": "Our agent", "redirectUris": ["http://127.0.0.1/callback"], "secret": "0123456789abcdef"}}',
  credentials: '{"stock-key": {"value": "Bearer x", "origins": ["https://stock.example.com"]}}',
};

/** Returns the settings as the app sees them: Azure has replaced references to the vault by the secrets. */
export function processSettings(snapshot: Snapshot, app: string): Record<string, string> {
  const vault = `https://kv-${snapshot.token}.vault.azure.net/secrets/`;
  return Object.fromEntries(
    Object.entries(appSettings(snapshot, app)).map(([name, value]) => {
      const secret = /^@Microsoft\.KeyVault\(SecretUri=(.*)\)$/.exec(value)?.[1];
      if (secret === undefined) return [name, value];
      return [name, secrets[secret.replace(vault, '')] ?? `no secret ${secret}`];
    }),
  );
}
