import { expect, test } from 'vitest';
import { shortLine, terminalPrinter } from '../../../infra/local/terminal.ts';

const logged = (fields: object) =>
  JSON.stringify({ at: '2026-11-22T10:00:00Z', app: 'mcp', traceId: 'abc', ...fields });

test.each([
  {
    why: 'what goes well stays in the log',
    stream: 'stdout',
    line: logged({ level: 'info', event: 'request_handled' }),
    shown: undefined,
  },
  { why: 'so does what a process says on stdout', stream: 'stdout', line: 'listening', shown: undefined },
  { why: 'and the frames of a stack', stream: 'stderr', line: '    at main (a.ts:1:1)', shown: undefined },
  {
    why: 'a warning shows its event and fields',
    stream: 'stderr',
    line: logged({ level: 'warn', event: 'upstream_failed', server: 'inventory', status: 502 }),
    shown: 'mcp: warn upstream_failed server=inventory status=502',
  },
  {
    why: 'an error shows the first line of its cause',
    stream: 'stderr',
    line: logged({ level: 'error', event: 'request_failed', error: 'Error: boom\n    at x' }),
    shown: 'mcp: error request_failed Error: boom',
  },
  { why: 'and what Node puts before it', stream: 'stderr', line: 'node:internal/x:2', shown: undefined },
  { why: 'and after it', stream: 'stderr', line: 'Node.js v24.21.0', shown: undefined },
  { why: 'plain errors show as they are', stream: 'stderr', line: 'boom', shown: 'mcp: boom' },
  { why: 'long lines are cut', stream: 'stderr', line: 'x'.repeat(500), shown: `mcp: ${'x'.repeat(194)}…` },
] as const)('$why', ({ stream, line, shown }) => {
  expect(shortLine('mcp', stream, line)).toBe(shown);
});

test('a process that repeats itself is quiet for a while, and the others are not', () => {
  const printed: string[] = [];
  let now = 0;
  const onLine = terminalPrinter(
    (line) => printed.push(line),
    (name) => `logs/${name}.log`,
    () => now,
  );
  for (let i = 0; i < 50; i++) onLine('mcp', 'stderr', 'again');
  expect(printed).toEqual([...Array<string>(5).fill('mcp: again'), 'mcp: more of this in logs/mcp.log']);

  onLine('issuer', 'stderr', 'mine');
  expect(printed.at(-1)).toBe('issuer: mine');
  now = 10_001;
  onLine('mcp', 'stderr', 'later');
  expect(printed.at(-1)).toBe('mcp: later');
});

test('an error that nobody caught is shown with its stack, save for what lies within Node', () => {
  const printed: string[] = [];
  const onLine = terminalPrinter(
    (line) => printed.push(line),
    (name) => `logs/${name}.log`,
  );
  const said = [
    'file:///dist/app.js:3',
    "throw new ConfigError('wrong');",
    '      ^',
    '',
    'ConfigError: Settings are missing or wrong:',
    '  MREG_TABLES: is missing',
    '    at readConfig (file:///dist/app.js:3:7)',
    '    at ModuleJob.run (node:internal/modules/esm/module_job:413:25)',
    '',
    'Node.js v24.21.0',
    '    indented, and not of the stack',
  ];
  for (const line of said) onLine('mcp', 'stderr', line);
  expect(printed).toEqual([
    "mcp: throw new ConfigError('wrong');",
    'mcp: ConfigError: Settings are missing or wrong:',
    'mcp:   MREG_TABLES: is missing',
    'mcp:     at readConfig (file:///dist/app.js:3:7)',
  ]);
});
