/** Preloaded (`--import`) into a process, it puts the clock of that process ahead by `TEST_CLOCK_OFFSET_MS`. */
const offsetMs = Number(process.env['TEST_CLOCK_OFFSET_MS'] ?? 0);
const RealDate = Date;
const now = (): number => RealDate.now() + offsetMs;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args: unknown[], newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as object,
  apply: () => new RealDate(now()).toString(),
  get: (target, name) => (name === 'now' ? now : (Reflect.get(target, name) as unknown)),
});
