import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { App } from '../../shared/platform/config/config.ts';

type Settings = Readonly<Record<string, string>>;

const snapshotSchema = z.object({
  predictedResources: z.array(
    z.looseObject({
      type: z.string(),
      name: z.string(),
      properties: z.record(z.string(), z.unknown()).optional(),
    }),
  ),
});

/** The values that Azure computes when Bicep is deployed are expressions in brackets. */
const isComputed = (value: string): boolean => value.startsWith('[');

/**
 * Returns the settings of an app as Bicep writes them for production. `computed` has the values that Azure would compute, by the
 * names of settings. @throws Error when the snapshot has a computed setting that is not among them.
 */
export async function azureSettings(app: App, computed: Settings): Promise<Settings> {
  const written = await writtenSettings(app);
  return Object.fromEntries(
    Object.entries(written).map(([name, value]) => {
      const given = isComputed(value) ? computed[name] : value;
      if (given === undefined) throw new Error(`Bicep computes ${name}: this test needs a value for it`);
      return [name, given];
    }),
  );
}

const snapshotFile = new URL('../../infra/azure/prod.snapshot.json', import.meta.url);

async function writtenSettings(app: App): Promise<Settings> {
  const found = snapshotSchema
    .parse(JSON.parse(await readFile(snapshotFile, 'utf8')))
    .predictedResources.filter(
      ({ type, name }) => type === 'Microsoft.Web/sites/config' && /appsettings$/.test(name),
    )
    .map(({ properties }) => z.record(z.string(), z.string()).parse(properties))
    .find(({ MREG_APP }) => MREG_APP === app);
  if (!found) throw new Error(`the snapshot has no settings of the ${app} app`);
  return found;
}
