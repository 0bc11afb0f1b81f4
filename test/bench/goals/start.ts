import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { request } from 'undici';
import { portsFor } from '../../../infra/local/defaults.ts';
import { root } from '../../../infra/local/processes.ts';
import { appSettings } from '../../../infra/local/settings.ts';
import { emptyFunction, type Front, startFront } from '../front.ts';
import type { Measured } from '../goals.ts';
import { inTurns } from '../inTurns.ts';
import type { Target } from '../load.ts';

const IMPORTS = 7;
const STARTS = 4;

const importScript = `
  const startedAt = performance.now();
  await import(process.argv[1]);
  process.stdout.write('took ' + (performance.now() - startedAt));
  process.exit(0);
`;

/** How long the mcp app takes to start: the import of its bundle, and the first answer of a process that has just been started. */
export async function measureStart(): Promise<Measured> {
  const importTime: number[] = [];
  for (let left = IMPORTS; left > 0; left--) importTime.push(await importMs());
  const front = await startFront(1);
  try {
    const call = front.modernCall(front.topology.urls.mcp, 'modern__echo');
    const empty = emptyFunction(front);
    const answers = await inTurns(STARTS, [call, empty], (target) => firstAnswerMs(front, target));
    const [own = [], other = []] = [answers.get(call), answers.get(empty)];
    return { importTime, firstAnswer: own.map((ms, round) => ms / (other[round] ?? Number.NaN)) };
  } finally {
    await front.stop();
  }
}

async function importMs(): Promise<number> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', importScript, join(root, 'dist/main.js')],
    { env: { ...process.env, ...appSettings('mcp', portsFor(0)) } },
  );
  return Number(/took (\S+)/.exec(stdout)?.[1]);
}

/** From the start of the process of the mcp app until it has answered this call. */
async function firstAnswerMs({ topology }: Front, target: Target): Promise<number> {
  await topology.kill('mcp');
  const startedAt = performance.now();
  const ready = topology.restart('mcp');
  const answered = askUntilAnswered(target).then(() => performance.now() - startedAt);
  await ready;
  return answered;
}

/** @throws on an answer of another status than the expected one */
async function askUntilAnswered({ origin, path, method, headers = {}, bodies, expected = 200 }: Target) {
  for (;;) {
    const body = bodies?.[0] ?? '';
    const response = await request(origin + path, { method, headers, body }).catch(() => undefined);
    if (response === undefined) {
      await delay(2);
      continue;
    }
    const text = await response.body.text();
    if (response.statusCode === expected) return;
    throw new Error(`the first call was answered ${response.statusCode}: ${text.slice(0, 200)}`);
  }
}
