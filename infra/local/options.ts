import { relative, resolve } from 'node:path';
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { z } from 'zod';
import { type Role, roles } from '../../shared/identity/access/actor.ts';
import { defaultTenant, defaultUser, maxPortOffset } from './defaults.ts';
import { LocalError } from './localError.ts';
import type { TopologyOptions } from './topology.ts';

export interface StartOptions {
  readonly demo: boolean;
  readonly withoutApps: boolean;
  readonly portOffset: number;
  readonly dataDir: string;
  readonly settingsOf?: NonNullable<TopologyOptions['settingsOf']>;
}

/** A debugger can attach to each app at its port. No app waits for it. */
const inspectors = {
  management: { NODE_OPTIONS: '--inspect=127.0.0.1:9229' },
  mcp: { NODE_OPTIONS: '--inspect=127.0.0.1:9230' },
} as const;

/** The options that say where a local topology is. */
export const placeFlags = { 'port-offset': { type: 'string' }, data: { type: 'string' } } as const;
export const placeUsage = '[--port-offset N] [--data DIR]';

/** @throws LocalError that says what is wrong on the command line. */
export function startOptions(args: readonly string[]): StartOptions {
  const given = parse(args, `[--demo | --without-apps] ${placeUsage}`, {
    demo: { type: 'boolean', default: false },
    'without-apps': { type: 'boolean', default: false },
    ...placeFlags,
  });
  if (given.demo && given['without-apps']) {
    throw new LocalError(
      '--demo registers servers with the apps, so it needs them: leave out --without-apps',
    );
  }
  return { demo: given.demo, withoutApps: given['without-apps'], ...place(given) };
}

/** @throws LocalError that says what is wrong on the command line. */
export function devOptions(args: readonly string[]): StartOptions {
  const given = parse(args, `[--demo] [--inspect] ${placeUsage}`, {
    demo: { type: 'boolean', default: false },
    inspect: { type: 'boolean', default: false },
    ...placeFlags,
  });
  const debugging = given.inspect ? { settingsOf: inspectors } : {};
  return { demo: given.demo, withoutApps: false, ...debugging, ...place(given) };
}

export interface TokenOptions {
  readonly role: Role;
  readonly tenant: string;
  readonly user: string;
  readonly portOffset: number;
}

/** @throws LocalError that says what is wrong on the command line. */
export function tokenOptions(args: readonly string[]): TokenOptions {
  const usage = '--role Admin [--tenant GUID] [--user GUID] [--port-offset N]';
  const given = parse(args, usage, {
    role: { type: 'string' },
    tenant: { type: 'string' },
    user: { type: 'string' },
    'port-offset': { type: 'string' },
  });
  const role = roles.find((known) => known === given.role);
  if (!role) throw new LocalError(`--role must be one of ${roles.join(', ')}`);
  return {
    role,
    tenant: guid('--tenant', given.tenant ?? defaultTenant),
    user: guid('--user', given.user ?? defaultUser),
    portOffset: offset(given['port-offset']),
  };
}

export interface IssuerOptions {
  readonly port: number;
  readonly keyFile: string;
  /** Origins of the apps, to which people come back from the sign-in. */
  readonly apps: { readonly mcp: string; readonly management: string };
}

/** @throws LocalError that says what is wrong on the command line. */
export function issuerOptions(args: readonly string[]): IssuerOptions {
  const given = parse(args, '--port P --key-file FILE --mcp ORIGIN --management ORIGIN', {
    port: { type: 'string' },
    'key-file': { type: 'string' },
    mcp: { type: 'string' },
    management: { type: 'string' },
  });
  const port = number(given.port);
  if (port === undefined || port > 65_535) throw new LocalError('--port must be a port number');
  if (!given['key-file']) throw new LocalError('--key-file must name a file');
  const { mcp, management } = given;
  if (!mcp || !management) throw new LocalError('--mcp and --management must be the origins of the apps');
  return { port, keyFile: resolve(given['key-file']), apps: { mcp, management } };
}

/** @throws LocalError that says what is wrong on the command line. */
export function parse<T extends ParseArgsOptionsConfig>(
  args: readonly string[],
  usage: string,
  options: T,
): ReturnType<typeof parseArgs<{ args: string[]; options: T; strict: true }>>['values'] {
  const taken = Object.keys(options).filter((name) => takenByNpm(name));
  if (taken.length > 0) {
    const flags = taken.map((name) => `--${name}`).join(' and ');
    throw new LocalError(
      `npm took ${flags} for itself. Write -- before the options: ${npmCommand()} -- ${usage}`,
    );
  }
  try {
    return parseArgs({ args: [...args], options, strict: true }).values;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split(/\. |\n/, 1)[0] : 'Wrong options';
    throw new LocalError(`${reason ?? ''}. Options: ${usage}`);
  }
}

/** npm keeps each option that stands before `--`, and tells of it in the environment only. */
const takenByNpm = (name: string): boolean =>
  process.env[`npm_config_${name.replaceAll('-', '_')}`] !== undefined;

function npmCommand(): string {
  const script = process.env['npm_lifecycle_event'] ?? 'start';
  return script === 'start' ? 'npm start' : `npm run ${script}`;
}

/** Returns the offset of the ports and the data folder. @throws LocalError when an option is wrong. */
export function place(given: { readonly 'port-offset'?: string; readonly data?: string }): {
  readonly portOffset: number;
  readonly dataDir: string;
} {
  const portOffset = offset(given['port-offset']);
  const defaultDir = portOffset === 0 ? '.local/data' : `.local/data-${portOffset}`;
  return { portOffset, dataDir: resolve(given.data ?? defaultDir) };
}

/** Returns the options of `place` as they are typed, with a space before each. Options that have their default are left out. */
export function placeArguments({ portOffset, dataDir }: ReturnType<typeof place>): string {
  const ofOffset = portOffset === 0 ? {} : { 'port-offset': String(portOffset) };
  const isDefault = place(ofOffset).dataDir === dataDir;
  const inside = relative(process.cwd(), dataDir);
  const data = inside.startsWith('..') ? dataDir : inside;
  const given = Object.entries({ ...ofOffset, ...(!isDefault && { data }) });
  return given.map(([name, value]) => ` --${name} ${/\s/.test(value) ? `"${value}"` : value}`).join('');
}

function offset(text = '0'): number {
  const value = number(text);
  if (value === undefined || value > maxPortOffset) {
    throw new LocalError(`--port-offset must be a number from 0 to ${maxPortOffset}`);
  }
  return value;
}

const number = (text = ''): number | undefined => (/^\d{1,5}$/.test(text) ? Number(text) : undefined);

function guid(option: string, text: string): string {
  if (!z.guid().safeParse(text).success) throw new LocalError(`${option} must be a GUID`);
  return text.toLowerCase();
}
