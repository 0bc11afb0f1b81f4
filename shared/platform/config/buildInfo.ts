import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';

const buildInfoSchema = z.object({
  version: z.string(),
  /** A digest of the code: two packages with the same one run the same. */
  build: z.string(),
  /** A secret of the package, which both apps are deployed from. */
  fingerprintKey: z.string().min(20),
});
export type BuildInfo = z.infer<typeof buildInfoSchema>;

/** Says that the code was not built, and so cannot be told from other code. */
export const UNBUILT = 'unbuilt';

/** What the build wrote beside the code that it made; of code that runs from source, that it is unbuilt. */
export async function readBuildInfo(url: URL = new URL('build.json', import.meta.url)): Promise<BuildInfo> {
  try {
    return buildInfoSchema.parse(JSON.parse(await readFile(url, 'utf8')));
  } catch {
    return { version: UNBUILT, build: UNBUILT, fingerprintKey: randomBytes(32).toString('base64url') };
  }
}
