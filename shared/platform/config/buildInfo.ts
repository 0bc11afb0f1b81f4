import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import * as z from 'zod';

const buildInfoSchema = z.object({
  version: z.string(),
  /** A digest of the code. Two packages with the same digest run the same code. */
  build: z.string(),
  /** A secret of the package. Both apps are deployed from one package. */
  fingerprintKey: z.string().min(20),
});
export type BuildInfo = z.infer<typeof buildInfoSchema>;

/** The version and build of code that runs from source. It cannot be distinguished from other code. */
export const UNBUILT = 'unbuilt';

/** Returns the facts that the build wrote beside its code, or `UNBUILT` for code that runs from source. */
export async function readBuildInfo(url: URL = new URL('build.json', import.meta.url)): Promise<BuildInfo> {
  try {
    return buildInfoSchema.parse(JSON.parse(await readFile(url, 'utf8')));
  } catch {
    return { version: UNBUILT, build: UNBUILT, fingerprintKey: randomBytes(32).toString('base64url') };
  }
}
