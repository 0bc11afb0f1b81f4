import { existsSync, readFileSync } from 'node:fs';

/**
 * Preloaded (`--import`) into a process, it puts the clock of that process ahead by `TEST_CLOCK_OFFSET_MS`. The number is read
 * from the file `TEST_CLOCK_OFFSET_FILE` where there is one, so that a process can start again at another time.
 */
const file = process.env['TEST_CLOCK_OFFSET_FILE'] ?? '';
const offsetMs = Number(
  existsSync(file) ? readFileSync(file, 'utf8') : (process.env['TEST_CLOCK_OFFSET_MS'] ?? 0),
);
const RealDate = Date;
const now = (): number => RealDate.now() + offsetMs;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args: unknown[], newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as object,
  apply: () => new RealDate(now()).toString(),
  get: (target, name) => (name === 'now' ? now : (Reflect.get(target, name) as unknown)),
});
