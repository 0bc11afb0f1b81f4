import type { OwnTools } from '../../shared/gateway/catalogue/builtInTools.ts';
import type { AppDeps } from '../compose/compose.ts';

/** The gateway's own tools, imported when somebody first lists or calls any: no cold start of the data path pays for them. */
export function lazyOwnTools(deps: AppDeps): OwnTools {
  let opened: Promise<OwnTools> | undefined;
  const open = () => (opened ??= import('./builtInTools/index.ts').then((room) => room.openOwnTools(deps)));
  return {
    list: async (principal) => (await open()).list(principal),
    call: async (name, args, call) => (await open()).call(name, args, call),
  };
}
