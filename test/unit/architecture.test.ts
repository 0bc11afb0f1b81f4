import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import topology from '../../infra/topology.json' with { type: 'json' };
import { REPORTS_QUEUE } from '../../shared/orchestration/engine/recordReport.ts';
import { agents } from '../../shared/orchestration/model/agents.ts';

const root = resolve(import.meta.dirname, '../..');

interface Import {
  readonly file: string;
  /** A path from the root, or the name of a package. */
  readonly target: string;
}

/** Rooms by floor, from the ground up. A room imports from lower floors and from itself only. */
const floors = [
  ['platform'],
  ['registry', 'audit', 'identity'],
  ['orchestration', 'gateway'],
  ['specialists', 'health'],
];

/**
 * The folders of each room from the top down; `.` are the files beside them. A file imports from its own folder and from
 * folders further down. So no two folders import each other.
 */
const folders: Readonly<Record<string, readonly string[]>> = {
  functions: ['.', 'mcp', 'management', 'agents', 'timers', 'compose', 'http'],
  'shared/gateway': ['calls', 'listen', 'session', 'catalogue', 'upstream', 'protocol'],
  'shared/orchestration': [
    ...['plans', 'servers', 'events', 'engine', 'agents', 'tasks', 'pools', 'stores', 'model'],
  ],
  'shared/identity': ['broker', 'connections', 'credentials', 'sessions', 'tokens', 'access', '.'],
  'shared/registry': [
    ...[
      'import',
      'sync',
      'officialApi',
      'links',
      'toolsets',
      'versions',
      'records',
      'serverJson',
      'secrets',
      '.',
    ],
  ],
  'shared/audit': ['verify', 'journal', 'model', '.'],
  'shared/platform': [
    ...[
      'http',
      'telemetry',
      'serviceBus',
      'outbound',
      'state',
      'tables',
      'managedIdentity',
      'config',
      'security',
      'concurrency',
      'base',
    ],
  ],
};

/** Which files may import a package. A package that is not here stays out of the product. */
const packages: Readonly<Record<string, RegExp>> = {
  zod: /^(shared|functions)\//,
  'lru-cache': /^(shared|functions)\//,
  'eventsource-parser': /^shared\/gateway\/protocol\/sse\.ts$/,
  '@azure/functions': /^functions\//,
  '@azure/data-tables': /^shared\/(platform\/tables\/openTables|(\w+\/)+azureTable\w*)\.ts$/,
  '@azure/core-rest-pipeline': /^shared\/platform\/tables\/(tableHttp|azureTableRows)\.ts$/,
  '@azure/service-bus': /^shared\/platform\/serviceBus\/\w+\.ts$/,
  '@azure/msal-node':
    /^shared\/(platform\/managedIdentity\/appIdentity|identity\/credentials\/(tokenExchange|entraSignIn|msalClient))\.ts$/,
  ioredis: /^shared\/platform\/state\/redis\w+\.ts$/,
  undici: /^shared\/platform\/(outbound\/outboundClient|tables\/tableHttp)\.ts$/,
  'ipaddr.js': /^shared\/platform\/security\/addressRules\.ts$/,
  jose: /^shared\/(identity\/(tokens|broker)\/\w+|platform\/state\/redisSignIn|specialists\/mcp-security-auditor\/forgeTokens)\.ts$/,
  oauth4webapi: /^shared\/identity\/connections\/\w+\.ts$/,
  'smol-toml': /^shared\/registry\/import\/documentText\.ts$/,
  'strip-json-comments': /^shared\/registry\/import\/documentText\.ts$/,
  '@cfworker/json-schema': /^shared\/specialists\/fastmcp-specialist\/outputSchema\.ts$/,
};

const isProduct = (path: string): boolean => /^(functions|shared)\//.test(path);
const floorOf = (path: string): number => {
  const room = /^shared\/(\w+)\//.exec(path)?.[1];
  return room === undefined ? floors.length : floors.findIndex((rooms) => rooms.includes(room));
};
const roomOf = (path: string): string => /^shared\/\w+|^\w+/.exec(path)?.[0] ?? '';

const folderOf = (path: string): string => {
  const [folder, ...rest] = relative(roomOf(path), path).split('/');
  return folder === undefined || rest.length === 0 ? '.' : folder;
};

/** Returns what is wrong with an import between the folders of one room, or undefined. */
function folderBreach({ file, target }: Import): string | undefined {
  const order = folders[roomOf(file)];
  if (order === undefined || roomOf(target) !== roomOf(file)) return undefined;
  const [from, to] = [order.indexOf(folderOf(file)), order.indexOf(folderOf(target))];
  if (from < 0 || to < 0) return `${from < 0 ? file : target} is in a folder that its room does not list`;
  return from <= to ? undefined : `${file} must not import ${target}: folders import downwards`;
}

/** Returns what is wrong with an import, or undefined. */
function breach({ file, target }: Import): string | undefined {
  if (!isProduct(file)) return undefined;
  if (target.startsWith('node:')) return undefined;
  if (target === 'infra/topology.json' && file === 'shared/platform/config/topology.ts') return undefined;
  if (!/^(functions|shared|infra|test)\//.test(target)) {
    const allowed =
      packages[
        target
          .split('/')
          .slice(0, target.startsWith('@') ? 2 : 1)
          .join('/')
      ];
    return allowed?.test(file) ? undefined : `${file} must not import the package ${target}`;
  }
  if (!isProduct(target))
    return `${file} must not import ${target}: the product knows neither its tests nor its local host`;
  if (floorOf(file) < 0) return `${file} is in a room that no floor has`;
  const goesDown = floorOf(target) < floorOf(file);
  return goesDown || roomOf(target) === roomOf(file)
    ? undefined
    : `${file} must not import ${target}: imports go down`;
}

function importsOf(folder: string): Import[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .flatMap((entry) => {
      const path = join(entry.parentPath, entry.name);
      const { importedFiles } = ts.preProcessFile(readFileSync(path, 'utf8'), true, true);
      return importedFiles.map(({ fileName }) => ({
        file: relative(root, path),
        target: fileName.startsWith('.') ? relative(root, resolve(dirname(path), fileName)) : fileName,
      }));
    });
}

describe('imports', () => {
  const imports = [...importsOf('functions'), ...importsOf('shared')];

  test('go down the floors, and vendor packages stay in the files that name them', () => {
    expect(imports.map(breach).filter((found) => found !== undefined)).toEqual([]);
  });

  test('go down the folders of a room', () => {
    expect(imports.map(folderBreach).filter((found) => found !== undefined)).toEqual([]);
  });

  test.each([
    ['shared/gateway/protocol/a.ts', 'shared/gateway/upstream/b.ts', 'upwards'],
    ['shared/orchestration/model/a.ts', 'shared/orchestration/plans/b.ts', 'upwards'],
    ['functions/http/a.ts', 'functions/main.ts', 'to a file beside the folders, which stand above'],
    ['shared/registry/attic/a.ts', 'shared/registry/records/b.ts', 'from a folder that is not listed'],
  ])('from %s to %s is a breach: %s', (file, target) => {
    expect(folderBreach({ file, target })).toBeDefined();
  });

  test('run in no circle', () => {
    const targets = Map.groupBy(imports, ({ file }) => file);
    const done = new Set<string>();
    const circles: string[][] = [];
    const follow = (file: string, path: readonly string[]) => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file]);
      if (path.includes(file) || done.has(file)) return;
      for (const { target } of targets.get(file) ?? []) follow(target, [...path, file]);
      done.add(file);
    };
    for (const file of targets.keys()) follow(file, []);
    expect(circles).toEqual([]);
  });

  test('were found at all', () => {
    const rooms = [
      'functions',
      ...['platform', 'identity', 'registry', 'orchestration', 'gateway', 'specialists'].map(
        (room) => `shared/${room}`,
      ),
    ];
    expect([...new Set(imports.map(({ file }) => roomOf(file)))]).toEqual(expect.arrayContaining(rooms));
  });

  test.each([
    ['shared/platform/a.ts', 'shared/identity/b.ts', 'the ground floor knows nothing above it'],
    ['shared/gateway/a.ts', 'shared/orchestration/b.ts', 'neighbours on one floor do not know each other'],
    ['shared/orchestration/a.ts', 'shared/specialists/b.ts', 'the engine does not know what it runs'],
    ['shared/registry/a.ts', 'functions/b.ts', 'nothing knows what triggers it'],
    ['functions/a.ts', 'infra/local/b.ts', 'the product does not know its local host'],
    ['shared/registry/a.ts', 'test/support/b.ts', 'the product does not know its tests'],
    ['shared/gateway/a.ts', '@azure/functions', 'only functions/ knows Azure Functions'],
    ['shared/gateway/a.ts', '@modelcontextprotocol/client', 'the data path has no SDK'],
    ['shared/gateway/a.ts', 'undici', 'one way out of the house'],
    ['shared/orchestration/run.ts', '@azure/data-tables', 'vendor SDKs stay in the files that name them'],
    ['shared/attic/a.ts', 'shared/platform/b.ts', 'a room must have a floor'],
  ])('from %s to %s is a breach: %s', (file, target) => {
    expect(breach({ file, target })).toBeDefined();
  });
});

test('the queue of reports is in the topology list', () => {
  expect(topology.queues).toEqual([{ name: REPORTS_QUEUE, app: 'management' }]);
});

test('the agents and their homes are those of the topology list', () => {
  expect(Object.entries(agents).sort()).toEqual(topology.agents.map(({ name, app }) => [name, app]).sort());
});

describe.each(['infra/functions-host', 'infra/service-bus'])('the workspace %s', (workspace) => {
  const { dependencies, devDependencies } = JSON.parse(
    readFileSync(join(root, workspace, 'package.json'), 'utf8'),
  ) as Record<'dependencies' | 'devDependencies', Record<string, string>>;
  const mayImport = ({ file, target }: Import): boolean => {
    if (target.startsWith('node:') || target.startsWith(`${workspace}/`)) return true;
    const name = /^(?:@[^/]+\/)?[^/]+/.exec(target)?.[0] ?? '';
    return name in dependencies || (file.startsWith(`${workspace}/test/`) && name in devDependencies);
  };

  test('imports its own files and the packages that it declares, and nothing of the gateway', () => {
    const imports = importsOf(workspace);
    expect(imports.length).toBeGreaterThan(50);
    expect(imports.filter((each) => !mayImport(each))).toEqual([]);
  });

  test.each([
    [`${workspace}/src/a.ts`, 'shared/platform/b.ts'],
    [`${workspace}/src/a.ts`, 'infra/local/b.ts'],
    [`${workspace}/test/a.ts`, 'infra/topology.json'],
    [`${workspace}/src/a.ts`, 'vitest'],
    [`${workspace}/test/a.ts`, 'ioredis'],
  ])('from %s to %s is a breach', (file, target) => {
    expect(mayImport({ file, target })).toBe(false);
  });
});
