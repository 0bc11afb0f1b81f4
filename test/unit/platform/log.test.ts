import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { InfrastructureError } from '../../../shared/platform/base/errors.ts';
import { jsonLog } from '../../../shared/platform/telemetry/log.ts';

function recording() {
  const lines: { line: string; level: string }[] = [];
  const log = jsonLog('mcp', (line, level) => lines.push({ line, level }));
  const last = () => lines.at(-1)?.line ?? '';
  return { log, lines, last, entry: () => JSON.parse(last()) as Record<string, unknown> };
}

test('an entry is one JSON object with its time, level, app and event', () => {
  const { log, lines, entry } = recording();
  log.info('request_handled', { route: 'health', status: 200, cached: undefined });
  expect(entry()).toEqual({
    at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
    level: 'info',
    app: 'mcp',
    event: 'request_handled',
    route: 'health',
    status: 200,
  });
  log.warn('sign_in_refused', {});
  log.error('request_failed', {});
  expect(lines.map(({ level }) => level)).toEqual(['info', 'warn', 'error']);
});

test.each([
  ['a\nb', 'a line break would forge an entry'],
  ['a\r\nb', 'so would this'],
  ['\u0000\u0007\u001b[31mred', 'a terminal obeys it'],
  ['\u007f\u0085\u009b31m', 'C1 controls, which terminals obey too'],
  ['\u2028\u2029', 'line separators'],
  ['\u202enimda\u202c', 'turned around'],
  ['\u2066a\u2069\u200e\u061c', 'direction marks'],
  ['\u200b\u2060\ufeff', 'invisible'],
  ['\u{E0041}\u{E007F}', 'invisible, of two code units'],
  ['\ud800', 'half a character'],
])('%j stays on its line and comes back as it was: %s', (reason) => {
  const { log, last, entry } = recording();
  log.warn('message_rejected', { reason });
  expect(last()).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
  expect(entry()['reason']).toBe(reason);
});

test('what people write is left readable', () => {
  const { log, last } = recording();
  log.info('plan_finished', { name: 'Zürich 東京 🚀' });
  expect(last()).toContain('Zürich 東京 🚀');
});

test('an error is told with its stack and the causes below it, of which there may be many', () => {
  const { log, entry } = recording();
  const root = new Error('ECONNREFUSED 127.0.0.1:10002');
  log.error('request_failed', {}, new InfrastructureError('tables', 'get servers', root));
  expect(entry()['error']).toMatch(
    /^InfrastructureError: tables: get servers failed\n[^]*caused by Error: ECONNREFUSED 127\.0\.0\.1:10002\n[^]*log\.test\.ts/,
  );
  const circle = new Error('first');
  circle.cause = new Error('second', { cause: circle });
  log.error('request_failed', {}, circle);
  expect(String(entry()['error']).split('caused by')).toHaveLength(5);
});

test('of an error nothing is told but its stack: other properties may hold headers and bodies', () => {
  const { log, lines } = recording();
  log.error(
    'request_failed',
    {},
    Object.assign(new Error('refused'), { request: { authorization: 'canary' } }),
  );
  log.error('request_failed', {}, new Error('outer', { cause: { body: 'canary' } }));
  expect(lines).toHaveLength(2);
  expect(JSON.stringify(lines)).not.toContain('canary');
});

test.each([
  ['a secret in a thrown string', 'string'],
  [{ token: 'a secret in a thrown object' }, 'object'],
  [null, 'object'],
])('of a thrown %j only its type is told', (thrown, type) => {
  const { log, entry } = recording();
  log.error('request_failed', {}, thrown);
  expect(entry()['error']).toBe(type);
});

test('standard output takes what is well, standard error the rest', () => {
  const written: string[] = [];
  const streams = { out: process.stdout, err: process.stderr };
  const restore = Object.entries(streams).map(([name, stream]) => {
    const write: unknown = Reflect.get(stream, 'write');
    stream.write = (text) => written.push(`${name} ${String(text)}`) > 0;
    return () => Reflect.set(stream, 'write', write);
  });
  try {
    const log = jsonLog('mcp');
    log.info('plan_finished', {});
    log.warn('delegation_swept', {});
  } finally {
    for (const back of restore) back();
  }
  expect(written).toEqual([
    expect.stringMatching(/^out \{.*"plan_finished".*\}\n$/),
    expect.stringMatching(/^err \{.*"delegation_swept".*\}\n$/),
  ]);
});

test('lines that wait to be written together are written when something goes wrong, and when the process ends', () => {
  const module = new URL('../../../shared/platform/telemetry/log.ts', import.meta.url).href;
  const code = `
    import { jsonLog } from ${JSON.stringify(module)};
    const log = jsonLog('mcp');
    log.info('request_handled', { route: 'a' });
    log.info('request_handled', { route: 'b' });
    log.warn('upstream_failed', {});
    process.stdout.write('after the warning\\n');
    log.info('request_handled', { route: 'c' });
    process.exit();
  `;
  const options = ['--experimental-strip-types', '--no-warnings', '--input-type=module', '--eval', code];
  const lines = execFileSync(process.execPath, options, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
    .trim()
    .split('\n');
  const routes = lines.map((line) =>
    line.startsWith('{') ? (JSON.parse(line) as { route: string }).route : line,
  );
  expect(routes).toEqual(['a', 'b', 'after the warning', 'c']);
});
