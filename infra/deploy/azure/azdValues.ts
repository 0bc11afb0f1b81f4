import { z } from 'zod';
import { jsonText, readAzdEnvironment } from '../../azd/azdEnvironment.ts';
import { LocalError } from '../../local/localError.ts';
import { deploymentOrder } from '../target.ts';

const appSchema = z.object({ app: z.enum(deploymentOrder), name: z.string(), id: z.string() });

/** The values of an environment of azd that a deployment reads. Those of the second group come with the first provision. */
const valuesSchema = z.object({
  AZURE_SUBSCRIPTION_ID: z.guid(),
  AZURE_LOCATION: z.string().min(1),

  AZURE_TENANT_ID: z.guid().optional(),
  AZURE_RESOURCE_GROUP: z.string().optional(),
  MREG_PUBLIC_ORIGIN: z.url().optional(),
  MREG_MANAGEMENT_ORIGIN: z.url().optional(),
  MREG_API_CLIENT_ID: z.guid().optional(),
  MREG_APPS: jsonText.pipe(z.array(appSchema)).optional(),
});
export type AzdValues = z.infer<typeof valuesSchema>;

/** Reads the values of an environment. @throws LocalError when it is unknown, or by name when one is missing or wrong. */
export async function readAzdValues(environment: string): Promise<AzdValues> {
  const values = valuesSchema.safeParse(await readAzdEnvironment(environment));
  if (values.success) return values.data;
  const problems = values.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new LocalError(
    `the environment ${environment} of azd is not complete: ${problems.join('; ')}. Set a value with azd env set`,
  );
}
