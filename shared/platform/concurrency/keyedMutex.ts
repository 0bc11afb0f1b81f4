/** Runs what has the same name one after another, in the order of the calls. One that fails does not stop the next. */
export function createTurns(): <A>(name: string, act: () => Promise<A>) => Promise<A> {
  const last = new Map<string, Promise<unknown>>();
  return (name, act) => {
    const turn = (last.get(name) ?? Promise.resolve()).then(act, act);
    last.set(name, turn);
    const forget = () => {
      if (last.get(name) === turn) last.delete(name);
    };
    turn.then(forget, forget);
    return turn;
  };
}
