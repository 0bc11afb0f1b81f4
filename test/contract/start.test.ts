import { chmod, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { portsFor } from '../../infra/local/defaults.ts';
import { lockFolder } from '../../infra/local/folderLock.ts';
import { chooseState } from '../../infra/local/redis.ts';
import { writeFakeRedis } from '../support/fakeRedis.ts';
import { processesAt, type TestPlace, testPlace } from '../support/place.ts';
import { type Run, run as runProgram } from '../support/run.ts';

const root = join(import.meta.dirname, '../..');

let place: TestPlace;
let runs: Run[];
beforeEach(async () => {
  place = await testPlace();
  runs = [];
});
afterEach(async () => {
  for (const { child } of runs) child.kill('SIGKILL');
  await place.remove();
});

function start(args: readonly string[] = [], env: Record<string, string> = {}): Run {
  const here = ['--port-offset', String(place.portOffset), '--data', place.dataDir];
  return run(process.execPath, [join(root, 'infra/local/start.ts'), ...here, ...args], env);
}

function run(command: string, args: readonly string[], env: Record<string, string> = {}): Run {
  const started = runProgram(command, args, { cwd: root, env: { ...process.env, ...env } });
  runs.push(started);
  return started;
}

/** Waits a little, since a process that is told to stop takes a moment. */
async function noProcessLeft(): Promise<void> {
  await expect.poll(() => processesAt(place), { timeout: 15_000 }).toEqual([]);
}

const expectReady = async (started: Run) => {
  expect(await started.printed(/mcp\.json/)).toMatch(/^Ready in /m);
};

describe('a start that succeeds', () => {
  test('says what to do next, all of it works, and Ctrl-C leaves no process', async () => {
    const state = await chooseState(place.ports);
    const started = start(['--demo']);
    await expectReady(started);
    const output = await started.printed(/mcp\.json/);
    expect(output).toMatch(
      state.kind === 'redis'
        ? `Redis on port ${place.ports.redis}\n`
        : 'Tables (no redis-server on the PATH)\n',
    );
    for (const port of [place.ports.management, place.ports.mcp]) {
      expect(output).toContain(`http://127.0.0.1:${port}`);
      expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200);
    }
    // As pasted, save for npm: the token, then the registration with it.
    const tokenArgs = /npm run --silent token -- (--role Admin.*)$/m.exec(output)?.[1] ?? '';
    const token = run(process.execPath, ['infra/local/token.ts', ...tokenArgs.split(' ')]);
    const bearer = (await token.printed(/\n/)).trim();
    const [, url = '', body = ''] = /curl -sS '(\S+)' .* -d '(.+)'$/m.exec(output) ?? [];
    const registered = await fetch(url, {
      method: 'POST',
      headers: { Authorization: `Bearer ${bearer}`, 'Content-Type': 'application/json' },
      body,
    });
    expect(registered.status).toBe(202);
    const [, mcpUrl = '', call = ''] = /curl -sS (\S+\/mcp) .* -d '(.+)'$/m.exec(output) ?? [];
    const called = await fetch(mcpUrl, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${bearer}`,
        'Content-Type': 'application/json',
        Accept: 'application/json, text/event-stream',
      },
      body: call,
    });
    expect(await called.text()).toContain('3000 m');
    expect(await registered.json()).toMatchObject({ status: 'active' });
    const list = await fetch(`http://127.0.0.1:${place.ports.management}/servers`, {
      headers: { Authorization: `Bearer ${bearer}` },
    });
    expect(await list.json()).toMatchObject({
      items: [
        { slug: 'inventory', status: 'active', era: 'legacy' },
        { slug: 'stock', status: 'active' },
        { slug: 'toolbox', status: 'active', era: 'modern' },
      ],
    });

    // Redis comes with a shell that ends it.
    expect(processesAt(place)).toHaveLength(state.kind === 'redis' ? 9 : 7);
    started.child.kill('SIGINT');
    expect(await started.ended).toMatchObject({ code: 0, errors: '' });
    expect(processesAt(place)).toEqual([]);
  });

  test('a second one is told the way out and disturbs nothing; a second Ctrl-C ends what does not stop', async () => {
    const first = start();
    await expectReady(first);
    const second = await start().ended;
    expect(second.code).toBe(1);
    expect(second.errors).toMatch(/^npm start: Ports .*\(management\).* --port-offset \d+\n$/);
    expect((await fetch(`http://127.0.0.1:${place.ports.mcp}/health`)).status).toBe(200);

    const azurite = processesAt(place).find(({ command }) => command.includes('azurite.js'));
    process.kill(azurite?.pid ?? 0, 'SIGSTOP');
    first.child.kill('SIGINT');
    await sleep(600);
    expect(processesAt(place)).not.toEqual([]);
    first.child.kill('SIGINT');
    expect((await first.ended).code).toBe(130);
    await noProcessLeft();
  });

  test('without a redis-server it says so; five deaths of a process within a minute end it with the last lines of its log', async () => {
    const started = start([], { PATH: place.dataDir });
    await expectReady(started);
    expect(await started.printed(/mcp\.json/)).toContain('Tables (no redis-server on the PATH)\n');
    const killed = new Set<number>();
    while (killed.size < 5) {
      const found = () => processesAt(place).find(({ command }) => command.includes('local/serviceBus.ts'));
      await expect
        .poll(() => found()?.pid ?? 0, { timeout: 15_000 })
        .toSatisfy((pid: number) => pid > 0 && !killed.has(pid));
      const pid = found()?.pid ?? 0;
      process.kill(pid, 'SIGKILL');
      killed.add(pid);
    }
    const { code, errors } = await started.ended;
    expect(code).toBe(1);
    const death = 'serviceBus (was ended by SIGKILL|ended with exit code)[^\\n]*serviceBus\\.log';
    expect(errors.match(new RegExp(`^${death}\\. Starting it again\\.$`, 'gm'))).toHaveLength(4);
    expect(errors).toMatch(
      new RegExp(
        `^npm start: serviceBus died 5 times within a minute\\. ${death}\\. Its last lines:\n  Service Bus broker on `,
        'm',
      ),
    );
    expect(processesAt(place)).toEqual([]);
  });

  test('with a redis-server it says so; when whoever started it is gone, so is everything', async () => {
    await writeFakeRedis(place.dataDir);
    const args = ['infra/local/start.ts', '--port-offset', String(place.portOffset), '--data', place.dataDir];
    const parent = run(
      process.execPath,
      [
        '-e',
        `require('child_process').spawn(process.execPath, ${JSON.stringify(args)}, { stdio: 'inherit' })`,
      ],
      { PATH: place.dataDir },
    );
    await expectReady(parent);
    expect(await parent.printed(/mcp\.json/)).toContain(`Redis on port ${place.ports.redis}\n`);
    parent.child.kill('SIGKILL');
    await noProcessLeft();
  });
});

describe('a start that cannot succeed', () => {
  let taken: Server | undefined;
  afterEach(() => {
    taken?.close();
    taken = undefined;
  });

  test('names the port that is taken and who wants it, and starts nothing', async () => {
    const server = (taken = createServer());
    await new Promise<void>((resolve) => server.listen(place.ports.serviceBus, '127.0.0.1', resolve));
    const { code, errors } = await start().ended;
    expect(code).toBe(1);
    expect(errors).toBe(
      `npm start: Port ${place.ports.serviceBus} (serviceBus) is already in use. Stop what uses it, ` +
        `or move every port: npm start -- --port-offset ${place.portOffset + 100}\n`,
    );
    expect(processesAt(place)).toEqual([]);
  });

  test.each([
    { MREG_TENANTS: 'canary' },
    { MREG_EXTERNAL_AGENTS: 'canary' },
    { MREG_EVENT_ROUTES: '{"disk_full":["canary"]}' },
    { MREG_QUALITY_GATES: '{"nightly":[{"check":"reachable","agent":"canary"}]}' },
  ])('names a wrong setting once, without its value and a stack, and starts nothing: %o', async (env) => {
    const { code, errors } = await start([], env).ended;
    expect(code).toBe(1);
    const [name = ''] = Object.keys(env);
    expect(errors).toMatch(
      new RegExp(
        `^npm start: Settings are missing or wrong \\(docs/configuration.md explains each\\):\n  ${name}: [^\n]+\n$`,
      ),
    );
    expect(errors).not.toContain('canary');
    expect(processesAt(place)).toEqual([]);
  });

  test.each([
    {
      why: 'of a later version',
      layout: { layout: 2, portOffset: 0 },
      says: /has layout 2, and this version uses layout 1\. Choose another folder .*--data DIR/,
    },
    {
      why: 'of an earlier version',
      layout: { layout: 0, portOffset: 0 },
      says: /has layout 0, and this version uses layout 1\. Choose another folder .*--data DIR/,
    },
  ])('refuses a data folder $why in one line, and changes nothing in it', async ({ layout, says }) => {
    const file = join(place.dataDir, 'layout.json');
    await writeFile(file, JSON.stringify(layout));
    const { code, errors } = await start().ended;
    expect(code).toBe(1);
    expect(errors).toMatch(says);
    expect(errors.trim().split('\n')).toHaveLength(1);
    expect(await readdir(place.dataDir)).toEqual(['layout.json']);
  });

  test('refuses the data folder of a start that runs on other ports', async () => {
    const server = (taken = createServer());
    await new Promise<void>((resolve) => server.listen(portsFor(9_990).serviceBus, '127.0.0.1', resolve));
    await writeFile(join(place.dataDir, 'layout.json'), JSON.stringify({ layout: 1, portOffset: 9_990 }));
    const { code, errors } = await start().ended;
    expect(code).toBe(1);
    expect(errors).toBe(
      `npm start: The data folder ${place.dataDir} is in use by a start with --port-offset 9990. ` +
        'Stop that one, or choose another folder: npm start -- --data DIR\n',
    );
  });

  test('refuses the data folder of another start before it starts anything, whatever path names it', async () => {
    const lock = await lockFolder(place.dataDir);
    await writeFile(join(place.dataDir, 'layout.json'), JSON.stringify({ layout: 1, portOffset: 9_990 }));
    const alias = join(tmpdir(), `alias-${place.portOffset}`);
    await symlink(place.dataDir, alias);
    try {
      const { code, errors } = await start(['--data', alias]).ended;
      expect(code).toBe(1);
      expect(errors).toBe(
        `npm start: The data folder ${alias} is in use by a start with --port-offset 9990. ` +
          'Stop that one, or choose another folder: npm start -- --data DIR\n',
      );
      expect(await readdir(place.dataDir)).toEqual(['layout.json']);
    } finally {
      lock?.release();
      await rm(alias);
    }
  });

  test.each([
    { why: 'a file', path: 'file' },
    { why: 'a folder below a file', path: 'file/data' },
  ])('refuses $why as data folder in one line', async ({ path }) => {
    await writeFile(join(place.dataDir, 'file'), '');
    const { code, errors } = await start(['--data', join(place.dataDir, path)]).ended;
    expect(code).toBe(1);
    expect(errors).toMatch(
      /^npm start: The data folder .* is a file, or is below a file\. Choose another folder: npm start -- --data DIR\n$/,
    );
    expect(processesAt(place)).toEqual([]);
  });

  test.runIf(process.platform === 'linux')(
    'refuses a folder that nobody can create, and does not hang',
    async () => {
      const { code, errors } = await start(['--data', '/proc/a/b']).ended;
      expect(code).toBe(1);
      expect(errors).toMatch(
        /^npm start: Cannot write to the data folder \/proc\/a\/b \(ENOENT.*--data DIR\n$/,
      );
    },
  );

  test.runIf(process.getuid?.() === 0)('refuses a read-only data folder in one line', async () => {
    await chmod(place.dataDir, 0o555);
    const nobody = 65_534;
    const started = runProgram(
      process.execPath,
      [
        join(root, 'infra/local/start.ts'),
        '--port-offset',
        String(place.portOffset),
        '--data',
        place.dataDir,
      ],
      { cwd: root, uid: nobody },
    );
    runs.push(started);
    const { code, errors } = await started.ended;
    expect(code).toBe(1);
    expect(errors).toMatch(
      /^npm start: Cannot write to the data folder .*EACCES.*Make it writable, .*--data DIR\n$/,
    );
  });

  test.each([
    { why: 'an unknown option', args: ['--verbose'], env: {}, message: /Unknown option '--verbose'/ },
    {
      why: 'an option that npm took for itself',
      args: [],
      env: { npm_config_demo: 'true', npm_lifecycle_event: 'start' },
      message: /^npm start: npm took --demo for itself\. Write -- before the options: npm start -- \[--demo/,
    },
    { why: 'production', args: [], env: { NODE_ENV: 'production' }, message: /production/ },
    { why: 'Azure', args: [], env: { WEBSITE_INSTANCE_ID: 'x' }, message: /production/ },
    {
      why: 'an environment that is not for development',
      args: [],
      env: { AZURE_FUNCTIONS_ENVIRONMENT: 'Staging' },
      message: /production/,
    },
  ])('refuses $why in one line', async ({ args, env, message }) => {
    const { code, errors } = await start(args, env).ended;
    expect(code).toBe(1);
    expect(errors).toMatch(message);
    expect(errors.trim().split('\n')).toHaveLength(1);
  });

  test.each([
    { signal: 'SIGINT', delayMs: 100 },
    { signal: 'SIGTERM', delayMs: 1_200 },
  ] as const)('$signal after $delayMs ms leaves no process', async ({ signal, delayMs }) => {
    const started = start();
    await sleep(delayMs);
    started.child.kill(signal);
    const { code } = await started.ended;
    // Before it listens for signals, a process ends by them.
    expect([0, null]).toContain(code);
    await noProcessLeft();
  });
});
