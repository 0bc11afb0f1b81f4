import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../azd/azdEnvironment.ts';
import { LocalError } from '../../local/localError.ts';
import { runProgram } from '../../local/runProgram.ts';

/** The package that a Flex Consumption app runs, by the name that the platform gives it in the app's container. */
const CURRENT = 'released-package.zip';
const PREVIOUS = 'previous-package.zip';
const RECORD = 'deployment.json';
const API_VERSION = '2025-03-01';

const siteSchema = z.object({
  properties: z.object({
    functionAppConfig: z.object({ deployment: z.object({ storage: z.object({ value: z.url() }) }) }),
  }),
});

/**
 * The container of an app's package in its host storage account. What is kept there survives the machine that deploys. The
 * deployer needs the role Storage Blob Data Contributor on the account.
 */
export interface PackageContainer {
  /** Copies the current package beside itself. Returns false where there is none. */
  keepCurrent(): Promise<boolean>;
  /** Downloads the kept package, calls `use` with the file, and deletes the file. */
  withPrevious(use: (file: string) => Promise<void>): Promise<void>;
  /** Returns the record, or `undefined` where there is none. */
  readRecord(): Promise<string | undefined>;
  writeRecord(record: string): Promise<void>;
}

/** Opens the container of the app with this resource id. */
export async function openPackageContainer(resourceId: string): Promise<PackageContainer> {
  const args = ['resource', 'show', '--ids', resourceId, '--api-version', API_VERSION, '--output', 'json'];
  const { value } = siteSchema.parse(parseJson(await runProgram('az', args))).properties.functionAppConfig
    .deployment.storage;
  const { hostname, pathname } = new URL(value);
  const account = hostname.split('.', 1)[0] ?? '';
  const place = ['--account-name', account, '--container-name', pathname.slice(1), '--auth-mode', 'login'];

  async function blob(verb: string, name: string, ...more: readonly string[]): Promise<string> {
    return runProgram('az', ['storage', 'blob', verb, ...place, '--name', name, ...more]).catch(
      (error: unknown) => {
        if (!(error instanceof LocalError)) throw error;
        throw new LocalError(
          `${error.message}. Whoever deploys needs the role "Storage Blob Data Contributor" on the storage account ` +
            `${account}, and a network that reaches it`,
          { cause: error },
        );
      },
    );
  }
  const exists = async (name: string) =>
    z.object({ exists: z.boolean() }).parse(parseJson(await blob('exists', name, '--output', 'json'))).exists;
  const download = (name: string, file: string) =>
    blob('download', name, '--file', file, '--no-progress', '--output', 'none');
  const upload = (name: string, file: string) =>
    blob('upload', name, '--file', file, '--overwrite', '--no-progress', '--output', 'none');

  return {
    async keepCurrent() {
      if (!(await exists(CURRENT))) return false;
      await withFile(async (file) => {
        await download(CURRENT, file);
        await upload(PREVIOUS, file);
      });
      return true;
    },
    withPrevious: (use) =>
      withFile(async (file) => {
        await download(PREVIOUS, file);
        await use(file);
      }),
    async readRecord() {
      if (!(await exists(RECORD))) return undefined;
      return withFile(async (file) => {
        await download(RECORD, file);
        return readFile(file, 'utf8');
      });
    },
    writeRecord: (record) =>
      withFile(async (file) => {
        await writeFile(file, record);
        await upload(RECORD, file);
      }),
  };
}

async function withFile<T>(use: (file: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'deployment-'));
  try {
    // azd takes a package by the end of its name.
    return await use(join(folder, 'package.zip'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
