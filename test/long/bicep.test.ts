import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { azureFolder, bicepVersion, findBicep } from '../../infra/azure/compiler.ts';
import { snapshotArguments, snapshotNames } from '../../infra/azure/snapshots.ts';
import { describeWith } from '../support/requirement.ts';

const compiler = findBicep();
const files = readdirSync(azureFolder, { recursive: true, encoding: 'utf8' }).filter((file) =>
  /\.bicep(param)?$/.test(file),
);

interface Outcome {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

async function bicep(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  const options = { env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024 };
  try {
    return { code: 0, ...(await promisify(execFile)(compiler ?? '', args, options)) };
  } catch (error) {
    if (error instanceof Error && 'stdout' in error && 'stderr' in error && 'code' in error) {
      return { code: error.code, stdout: String(error.stdout), stderr: String(error.stderr) };
    }
    throw error;
  }
}

const sarifSchema = z.object({ runs: z.array(z.object({ results: z.array(z.unknown()) })) });

/** What azd has in its environment before the first deployment. */
const firstDeployment = {
  AZURE_ENV_NAME: 'test',
  AZURE_LOCATION: 'westeurope',
  MREG_API_CLIENT_ID: '00000000-0000-0000-0000-0000000000aa',
};

const azdEnvironments = {
  'of a first deployment': firstDeployment,
  'with everything set': {
    ...firstDeployment,
    MREG_SIZE: 'prod',
    MREG_TENANTS: '00000000-0000-0000-0000-0000000000bb,00000000-0000-0000-0000-0000000000cc',
    MREG_PUBLIC_ORIGIN: 'https://mcp.example.com',
    MREG_MANAGEMENT_ORIGIN: 'https://registry.example.com',
    MREG_PRIVATE_NETWORK: 'true',
    MREG_EXTERNAL_AGENTS: 'mcp-debugger,fastmcp-specialist',
    MREG_SIGN_IN_CLIENT_ID: '00000000-0000-0000-0000-0000000000dd',
    MREG_CREDENTIALS_SECRET: 'credentials',
    MREG_CLIENTS_SECRET: 'clients',
    MREG_MORE_SETTINGS: '{"MREG_ALLOWED_ORIGINS": "https://portal.example.com"}',
    MREG_ALERT_EMAILS: 'a@example.com,b@example.com',
    MREG_BUDGET_AMOUNT: '200',
    MREG_BUDGET_START: '2026-12-01',
  },
};

describeWith(
  { name: `Bicep ${bicepVersion}, and no dotnet to download it`, path: compiler },
  'the Bicep files',
  () => {
    /** Runs the compiler and the linter, with all their rules. The compiler prints a SARIF document for some of the files. */
    const diagnosticsOf = async (pattern: string) => {
      const { stdout } = await bicep(
        ['lint', '--pattern', pattern, '--diagnostics-format', 'sarif'],
        firstDeployment,
      );
      const documents = [...stdout.matchAll(/^\{[^]*?^\}/gm)].map(([text]) =>
        sarifSchema.parse(JSON.parse(text)),
      );
      expect(documents.length).toBeGreaterThan(0);
      return documents.flatMap(({ runs }) => runs.flatMap(({ results }) => results));
    };

    test.each(['**/*.bicep', '*.bicepparam'])('%s: no diagnostic', async (pattern) => {
      expect(await diagnosticsOf(join(azureFolder, pattern))).toEqual([]);
    });

    test.each(Object.entries(azdEnvironments))('azd can fill its parameters %s', async (_, env) => {
      const { code, stdout, stderr } = await bicep(
        ['build-params', join(azureFolder, 'main.bicepparam'), '--stdout'],
        env,
      );
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toContain('westeurope');
    });

    test.each(snapshotNames)('the snapshot of %s is fresh', async (name) => {
      const file = join(azureFolder, `${name}.bicepparam`);
      const { code, stdout, stderr } = await bicep(snapshotArguments(file, 'validate'));
      expect({ code, stdout, stderr }, 'Run `npm run snapshots` and read the difference.').toMatchObject({
        code: 0,
      });
    });

    describeCopy(({ folder, change }) => {
      test('all files are formatted', async () => {
        for (const pattern of ['**/*.bicep', '*.bicepparam']) {
          expect(await bicep(['format', '--pattern', join(folder(), 'azure', pattern)])).toMatchObject({
            code: 0,
          });
        }
        const textsIn = (where: string) =>
          files.map((file) => [file, readFileSync(join(where, file), 'utf8')]);
        expect(textsIn(join(folder(), 'azure'))).toEqual(textsIn(azureFolder));
        expect(files.length).toBeGreaterThan(12);
      });

      test('a snapshot that is stale is found', async () => {
        change('sizes.json', '"maximumInstanceCount": 40', '"maximumInstanceCount": 41');
        const { code, stdout } = await bicep(
          snapshotArguments(join(folder(), 'azure/dev.bicepparam'), 'validate'),
        );
        expect(code).toBe(1);
        expect(stdout).toContain('maximumInstanceCount');
      });

      test('a diagnostic is found', async () => {
        change('modules/redis.bicep', 'minimumTlsVersion', 'minimumTls');
        expect(await diagnosticsOf(join(folder(), 'azure/**/*.bicep'))).not.toEqual([]);
      });

      test('an unknown external agent stops the deployment', async () => {
        change('prod.bicepparam', "'mcp-debugger'", "'mcp-orchestrator'");
        const { code, stderr } = await bicep(
          snapshotArguments(join(folder(), 'azure/prod.bicepparam'), 'validate'),
        );
        expect(code).not.toBe(0);
        expect(stderr).toContain('unknown agent "mcp-orchestrator"; known agents: mcp-debugger, ');
      });
    });
  },
);

interface Copy {
  /** A folder with the Bicep files and the topology, as `infra/` has them. */
  readonly folder: () => string;
  readonly change: (file: string, from: string, to: string) => void;
}

/** Tests on a copy of the files, which each test may break. */
function describeCopy(suite: (copy: Copy) => void): void {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bicep-'));
    cpSync(azureFolder, join(folder, 'azure'), { recursive: true });
    cpSync(join(azureFolder, '../topology.json'), join(folder, 'topology.json'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  suite({
    folder: () => folder,
    change: (file, from, to) => {
      const path = join(folder, 'azure', file);
      const text = readFileSync(path, 'utf8');
      expect(text).toContain(from);
      writeFileSync(path, text.replace(from, to));
    },
  });
}
