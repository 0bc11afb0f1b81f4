/** Runs `act` once the earlier acts of the same key have ended. Returns what `act` returns, and throws what it throws. */
export type KeyedMutex = <A>(key: string, act: () => Promise<A>) => Promise<A>;

/** Acts of one key run one after another, in the order of the calls. A failed act does not stop the next. */
export function createKeyedMutex(): KeyedMutex {
  const last = new Map<string, Promise<unknown>>();
  return (key, act) => {
    const run = (last.get(key) ?? Promise.resolve()).then(act, act);
    last.set(key, run);
    const forget = () => {
      if (last.get(key) === run) last.delete(key);
    };
    run.then(forget, forget);
    return run;
  };
}
