import type { BuiltInTools } from '../../shared/gateway/catalogue/builtInTools.ts';
import type { AppDeps } from '../compose/compose.ts';

/** The gateway's own tools, imported when somebody first lists or calls any: no cold start of the data path pays for them. */
export function lazyBuiltInTools(deps: AppDeps): BuiltInTools {
  let opened: Promise<BuiltInTools> | undefined;
  const open = () =>
    (opened ??= import('./builtInTools/index.ts').then((room) => room.openBuiltInTools(deps)));
  return {
    list: async (principal) => (await open()).list(principal),
    call: async (name, args, call) => (await open()).call(name, args, call),
  };
}
