import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { LogLevel } from './coreTypes.ts';

export interface HostConfig {
  /** Absolute path of the file that registers the app's functions. */
  readonly entryPoint: string;
  readonly routePrefix: string;
  readonly logLevel: LogLevel;
  /** Undefined: an invocation may take for ever (`-1` in `host.json`). */
  readonly functionTimeoutMs: number | undefined;
  readonly serviceBus: { readonly maxConcurrentCalls: number; readonly maxLockRenewalMs: number };
  /** The settings of `local.settings.json`, under those of the environment. */
  readonly settings: Readonly<Record<string, string | undefined>>;
}

const TIME_SPAN = /^(?:(\d+)\.)?(\d{1,2}):([0-5]?\d):([0-5]?\d)$/;

const timeSpanMs = z
  .string()
  .regex(TIME_SPAN, 'must be a time span, like 00:10:00')
  .transform((text) => {
    const [, days = 0, hours = 0, minutes = 0, seconds = 0] = TIME_SPAN.exec(text) ?? [];
    return (((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
  });

const logLevels = ['Trace', 'Debug', 'Information', 'Warning', 'Error', 'Critical', 'None'] as const;

/** What this host obeys; like Azure's, it passes over what it does not know. Defaults are those of Flex Consumption. */
const hostJson = z.object({
  version: z.literal('2.0'),
  functionTimeout: z.union([z.literal('-1').transform(() => undefined), timeSpanMs]).prefault('00:30:00'),
  logging: z
    .object({ logLevel: z.object({ default: z.enum(logLevels).default('Information') }).prefault({}) })
    .prefault({}),
  extensions: z
    .object({
      http: z.object({ routePrefix: z.string().default('api') }).prefault({}),
      serviceBus: z
        .object({
          autoCompleteMessages: z
            .literal(true, 'must be true: a Node.js function has no other way to settle a message')
            .optional(),
          maxConcurrentCalls: z.int().positive().default(16),
          maxAutoLockRenewalDuration: timeSpanMs.prefault('00:05:00'),
        })
        .prefault({}),
    })
    .prefault({}),
});

const localSettings = z.object({
  IsEncrypted: z.literal(false, 'must be false: encrypted settings are not read here').default(false),
  Values: z.record(z.string(), z.string()).default({}),
});

const packageJson = z.object({ main: z.string().default('dist/main.js') });

/**
 * Reads `package.json`, `host.json` and, when there is one, `local.settings.json` of the app's folder.
 * Throws one error that names every problem of all three.
 */
export async function readHostConfig(
  root: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<HostConfig> {
  const problems: string[] = [];

  async function read<T>(file: string, schema: z.ZodType<T>, fallback?: string): Promise<T | undefined> {
    const content = await readJson(path.join(root, file), fallback);
    if (content instanceof Error) {
      problems.push(`${file}: ${content.message}`);
      return undefined;
    }
    const parsed = schema.safeParse(content);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues)
      problems.push(`${file}: ${issue.path.join('.')}: ${issue.message}`);
    return undefined;
  }

  const [manifest, host, local] = await Promise.all([
    read('package.json', packageJson),
    read('host.json', hostJson),
    read('local.settings.json', localSettings, '{}'),
  ]);
  if (!manifest || !host || !local) throw new Error(`${root}: ${problems.join('; ')}`);
  return {
    entryPoint: path.resolve(root, manifest.main),
    routePrefix: host.extensions.http.routePrefix,
    logLevel: host.logging.logLevel.default.toLowerCase() as LogLevel,
    functionTimeoutMs: host.functionTimeout,
    serviceBus: {
      maxConcurrentCalls: host.extensions.serviceBus.maxConcurrentCalls,
      maxLockRenewalMs: host.extensions.serviceBus.maxAutoLockRenewalDuration,
    },
    settings: { ...local.Values, ...environment },
  };
}

/** Replaces each `%NAME%` by that setting, as Azure does in queue names and schedules. */
export function resolveSettings(text: string, settings: HostConfig['settings']): string {
  return text.replaceAll(/%([^%]+)%/g, (_, name: string) => {
    const value = settings[name];
    if (value === undefined) throw new Error(`'${text}' names the setting ${name}, which is not set`);
    return value;
  });
}

async function readJson(file: string, fallback: string | undefined): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if (fallback !== undefined && error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return JSON.parse(fallback);
    }
    return error instanceof SyntaxError ? new Error('is not valid JSON') : new Error('cannot be read');
  }
}
